use futures::future::BoxFuture;
use perf_runtime::*;

trait Boxed: Sized {
    #[monitor("boxed")]
    fn into_boxed<'a, T>(self) -> BoxFuture<'a, T>
    where
        Self: Future<Output = T> + Send + 'a,
    {
        Box::pin(self)
    }
}

fn main() {}
