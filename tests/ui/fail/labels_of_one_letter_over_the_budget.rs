use perf_runtime::*;

macro_rules! letters {
    ($name:ident: $($letter:ident)*) => {
        #[derive(Clone, Copy, Label)]
        enum $name { $($letter),* }
    };
}

letters!(A: A B C D E F G H I J K L M N O P Q R S T U V W X Y Z A1 B1 C1 D1 E1 F1 G1 H1 I1 J1 K1 L1 M1 N1);
letters!(B: A B C D E F G H I J K L M N O P Q R S T U V W X Y Z A1 B1 C1 D1 E1 F1 G1 H1 I1 J1 K1 L1 M1 N1 O1 P1 Q1 R1 S1 T1
    U1 V1 W1 X1 Y1);

#[monitor("checkout", labels(a = a, b = b))]
fn of_one_letter(a: A, b: B) {
    let _ = (a, b);
}

struct Order<T> {
    a: A,
    b: B,
    what: T,
}

impl<T: Label + Clone> Order<T> {
    #[monitor("checkout", labels(a = self.a, b = self.b))]
    async fn of_an_expression(&self) {}

    // Which label this is, only `cargo build` knows.
    #[monitor("checkout", labels(what = self.what))]
    fn of_a_parameter(&self) {}

    #[monitor("checkout", labels(a = a, b = self.b), max_series = 2_040)]
    fn within_a_budget_of_its_own(&self, a: A) {
        let _ = a;
    }
}

fn main() {}
