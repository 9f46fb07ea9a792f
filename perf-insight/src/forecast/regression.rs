//! Least squares with a pull towards what was expected (A. Hoerl, R. Kennard, *Ridge regression*, Technometrics 12, 1970).

/// The sums of products of at most 18 inputs, which grow row by row.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    inputs: usize,
    products: Vec<f64>,
    targets: Vec<f64>,
}

impl Sums {
    pub(super) fn new(inputs: usize) -> Self {
        Self { inputs, products: vec![0.0; inputs * inputs], targets: vec![0.0; inputs] }
    }

    /// One more row.
    pub(super) fn add(&mut self, row: &[f64], target: f64) {
        for (line, (&left, sum)) in self.products.chunks_exact_mut(self.inputs).zip(row.iter().zip(&mut self.targets)) {
            *sum += left * target;
            for (cell, right) in line.iter_mut().zip(row) {
                *cell += left * right;
            }
        }
    }

    /// The mean of the sums of squares.
    pub(super) fn scale(&self) -> f64 {
        self.products.iter().step_by(self.inputs + 1).sum::<f64>() / self.inputs as f64
    }

    /// The coefficients, with a pull of this weight towards the expected ones, for each input.
    pub(super) fn solve(&self, pull: impl Fn(usize) -> f64, expected: impl Fn(usize) -> f64) -> Vec<f64> {
        let n = self.inputs;
        let (mut matrix, mut right) = (self.products.clone(), self.targets.clone());
        for (at, right) in right.iter_mut().enumerate() {
            matrix[at * n + at] += pull(at);
            *right += pull(at) * expected(at);
        }
        eliminate(&mut matrix, &mut right);
        right
    }
}

/// The solution of linear equations in place, by elimination with the largest pivot; 0 where there is none.
fn eliminate(matrix: &mut [f64], right: &mut [f64]) {
    let n = right.len();
    for step in 0..n {
        let size = |row: usize, matrix: &[f64]| matrix[row * n + step].abs();
        let pivot = (step..n).max_by(|&one, &other| size(one, matrix).total_cmp(&size(other, matrix))).unwrap_or(step);
        if pivot != step {
            for column in 0..n {
                matrix.swap(step * n + column, pivot * n + column);
            }
            right.swap(step, pivot);
        }
        let divisor = matrix[step * n + step];
        if divisor.abs() < 1e-300 {
            continue;
        }
        for row in step + 1..n {
            let factor = matrix[row * n + step] / divisor;
            for column in step..n {
                matrix[row * n + column] -= factor * matrix[step * n + column];
            }
            right[row] -= factor * right[step];
        }
    }
    for step in (0..n).rev() {
        let known: f64 = (step + 1..n).map(|column| matrix[step * n + column] * right[column]).sum();
        let divisor = matrix[step * n + step];
        right[step] = if divisor.abs() < 1e-300 { 0.0 } else { (right[step] - known) / divisor };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_noise_is_found_again() {
        let mut sums = Sums::new(3);
        for at in 0..20 {
            let (x, z) = (f64::from(at), f64::from(at * at % 7));
            sums.add(&[x, z, 1.0], 2.0 * x - 3.0 * z + 0.5);
        }
        let found = sums.solve(|_| 0.0, |_| 0.0);
        for (found, right) in found.iter().zip([2.0, -3.0, 0.5]) {
            assert!((found - right).abs() < 1e-9, "{found} is not {right}");
        }
    }

    #[test]
    fn without_rows_the_expected_is_the_answer() {
        let found = Sums::new(2).solve(|_| 1.0, |at| at as f64 + 0.5);
        assert_eq!(found, [0.5, 1.5]);
        assert_eq!(Sums::new(2).solve(|_| 0.0, |_| 0.0), [0.0, 0.0], "no equation at all");
    }
}
