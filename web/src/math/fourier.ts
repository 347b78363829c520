// The orthonormal real Fourier basis over residues, as in latebloom.instruments.fourier: row 0 is the constant, rows
// 2k - 1 and 2k are cosine and sine of frequency k; for even p the last row is the Nyquist cosine.

const bases = new Map<number, Float64Array>();

export function fourierBasis(p: number): Float64Array {
  let basis = bases.get(p);
  if (basis) return basis;
  basis = new Float64Array(p * p);
  for (let row = 0; row < p; row++) {
    const frequency = Math.floor((row + 1) / 2);
    for (let j = 0; j < p; j++) {
      const angle = (2 * Math.PI * ((frequency * j) % p)) / p;
      basis[row * p + j] =
        row === 0
          ? 1 / Math.sqrt(p)
          : p % 2 === 0 && row === p - 1
            ? (1 - 2 * (j % 2)) / Math.sqrt(p)
            : (row % 2 ? Math.cos(angle) : Math.sin(angle)) * Math.sqrt(2 / p);
    }
  }
  bases.set(p, basis);
  return basis;
}

// Coefficients [p, columns] of a table [p, columns], row-major.
export function transform(table: ArrayLike<number>, p: number, columns: number, out?: Float64Array): Float64Array {
  const basis = fourierBasis(p);
  const result = out ?? new Float64Array(p * columns);
  result.fill(0);
  for (let row = 0; row < p; row++) {
    const target = row * columns;
    for (let j = 0; j < p; j++) {
      const weight = basis[row * p + j]!;
      const from = j * columns;
      for (let c = 0; c < columns; c++) result[target + c]! += weight * table[from + c]!;
    }
  }
  return result;
}

// Energy of frequency k = 1 .. floor(p / 2) for every column: [frequency, columns].
export function power(coefficients: ArrayLike<number>, p: number, columns: number): Float64Array {
  const count = Math.floor(p / 2);
  const energy = new Float64Array(count * columns);
  for (let row = 1; row < p; row++) {
    const k = Math.floor((row + 1) / 2) - 1;
    for (let c = 0; c < columns; c++) energy[k * columns + c]! += coefficients[row * columns + c]! ** 2;
  }
  return energy;
}
