//! Each model, in every order. A test of its own for each, so that one can be run by its name.

macro_rules! models {
    ($($name:ident,)*) => { $(
        #[test]
        fn $name() {
            vdi_models::exhaustive::$name();
        }
    )* };
}

models! {
    an_abort_ends_everything_once,
    a_close_of_the_server_ends_its_agent_and_its_commands,
    a_command_that_meets_a_close_ends_once,
    of_two_closes_one_is_the_close,
    buffers_are_allocated_before_a_close_or_not_at_all,
    an_area_is_added_before_a_close_or_not_at_all,
    what_a_client_completed_before_it_left_counts,
    what_a_client_left_behind_is_aborted,
    a_close_of_the_client_ends_its_waits,
    an_agent_that_comes_late_misses_nothing,
    a_close_does_not_abort_what_has_ended,
    a_death_after_the_end_aborts_nothing,
    a_client_that_is_left_alone_is_told_of_the_abort,
    a_wait_for_a_command_that_is_left_alone_ends_as_aborted,
    messages_arrive_whole_and_in_order,
    a_ring_wakes_a_waiter,
    two_waiters_share_a_bell,
    two_ringers_share_a_bell,
    a_bell_is_used_again_and_again,
    an_alarm_is_heard_though_a_peer_wipes_the_word_out,
    fences_are_modelled,
    the_bytes_of_a_buffer_go_with_its_command_and_its_completion,
    completions_of_two_devices_are_not_lost,
    a_device_is_opened_while_the_agent_sleeps,
    a_close_of_a_device_comes_after_its_commands,
    slots_are_used_again,
    the_last_completion_lets_a_clear_error_through,
    of_two_clients_one_opens_a_device,
    two_threads_do_not_take_the_same_command,
    a_handle_means_its_buffer_or_nothing,
    a_command_waits_for_its_area,
    a_close_ends_the_waits_of_its_process,
    an_abort_ends_the_waits_of_every_process,
    the_reason_of_an_abort_comes_with_it,
    two_threads_abort_with_one_reason,
    of_two_aborts_one_has_the_reason,
    a_step_of_the_server_undoes_no_abort,
    of_two_servers_one_attaches,
    a_client_waits_for_the_whole_configuration,
    a_client_waits_for_the_name_of_a_device,
    the_death_of_the_server_ends_all_waits,
    the_death_of_the_primary_ends_all_waits,
    a_death_is_seen_while_another_set_comes_and_goes,
    a_set_that_goes_is_let_go_of,
    a_set_comes_when_the_last_one_goes,
    a_text_is_published_with_its_length,
    an_old_number_never_reaches_a_new_object,
    the_last_who_leaves_a_closed_object_drops_it,
    the_end_of_an_owner_ends_nothing_of_another,
    the_end_of_an_owner_holds_nothing_of_another,
}
