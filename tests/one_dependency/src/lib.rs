//! An application whose only dependency is `perf-kit` under the name of `perf-runtime`: the attributes find what they name,
//! and everything is there under both names' paths.

#[cfg(test)]
mod tests {
    use perf_runtime::{ErrorType, Kind, Label, Monitor, Outcome, Window, monitor, monitor_db_operation};

    #[derive(Clone, Copy, Label)]
    enum Region {
        Eu,
        Us,
    }

    #[derive(Debug, ErrorType)]
    enum Refused {
        NoUser,
    }

    #[monitor_db_operation("select", "users", labels(region = region), slow = "250ms")]
    fn find_user(id: u64, region: Region) -> Result<u64, Refused> {
        if id > 0 { Ok(id) } else { Err(Refused::NoUser) }
    }

    #[monitor("resize")]
    async fn resize() -> u8 {
        1
    }

    #[test]
    fn attributes_find_their_crate() {
        let monitor = Monitor::builder().build().unwrap();
        find_user(1, Region::Eu).unwrap();
        find_user(0, Region::Us).unwrap_err();
        drop(resize());
        let summary = monitor.summary(Window::LastMinute);
        let of = |region| summary.find(Kind::DbOperation, &["select", "users", region]).unwrap().total;
        assert_eq!((of("eu").of(Outcome::Ok), of("us").of(Outcome::Error)), (1, 1));
        assert_eq!(summary.find(Kind::Operation, &["resize"]).unwrap().count, 0, "never polled, so no call");
    }

    #[test]
    fn the_parts_are_there_too() {
        let builder = perf_runtime::builder("shop").monitor(|monitor| monitor.namespace("shop"));
        assert!(format!("{builder:?}").contains("shop"));
        let layer = perf_runtime::server::HttpLayer::new(&Monitor::builder().build().unwrap());
        assert!(format!("{layer:?}").contains("HttpLayer"));
        assert!(perf_runtime::host::rules().iter().count() > 3);
    }
}
