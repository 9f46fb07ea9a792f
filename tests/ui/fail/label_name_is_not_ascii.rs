use perf_runtime::*;

#[derive(Label, Clone, Copy)]
enum Size {
    Small,
}

#[monitor("pack", labels(größe = size))]
fn pack(size: Size) -> Size {
    size
}

fn main() {
    pack(Size::Small);
}
