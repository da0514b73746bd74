//! Each scene, in random orders. A failure prints the schedule with which `shuttle::replay` repeats it.

macro_rules! scenes {
    ($($name:ident,)*) => { $(
        #[test]
        fn $name() {
            vdi_models::random::$name();
        }
    )* };
}

scenes! {
    a_whole_operation,
    an_operation_with_a_secondary,
    a_client_aborts_at_any_moment,
    a_server_aborts_at_any_moment,
    a_client_closes_at_any_moment,
    a_server_closes_at_any_moment,
    all_end_it_at_once,
}
