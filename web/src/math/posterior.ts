// The exact posterior mean of lines and sinusoids given some points, as latebloom.baselines.one_context has it: every
// frequency of a grid is a linear-Gaussian hypothesis of at most three weights, solved by its normal equations.

// A class of hypotheses: functions sinusoid (a sin wx + b cos wx) + line c x with a, b, c ~ N(0, 1), w on a grid.
export interface FunctionFamily {
  name: string;
  weight: number; // prior probability
  noise: number; // variance of the noise on labels
  low: number;
  high: number;
  grid: number;
  sinusoid: number; // prior deviations; 0: there is none
  line: number;
}

export interface Answer {
  mean: Float64Array; // [query]
  classes: Map<string, number>; // posterior probability by name
}

export function posteriorMean(families: FunctionFamily[], x: ArrayLike<number>, y: ArrayLike<number>, query: ArrayLike<number>): Answer {
  const found = families.flatMap((family) =>
    frequencies(family).map((w) => ({ family, ...solve(family, w, x, y) })),
  );
  const top = Math.max(...found.map(({ log }) => log));
  const total = found.reduce((sum, { log }) => sum + Math.exp(log - top), 0);
  const mean = new Float64Array(query.length);
  const classes = new Map<string, number>();
  for (const { family, w, a, b, c, log } of found) {
    const share = Math.exp(log - top) / total;
    classes.set(family.name, (classes.get(family.name) ?? 0) + share);
    if (share < 1e-12) continue;
    for (let i = 0; i < query.length; i++) mean[i]! += share * (a * Math.sin(w * query[i]!) + b * Math.cos(w * query[i]!) + c * query[i]!);
  }
  return { mean, classes };
}

function frequencies({ low, high, grid, sinusoid }: FunctionFamily): number[] {
  if (!sinusoid) return [0];
  return Array.from({ length: grid }, (_, i) => low + (i / Math.max(1, grid - 1)) * (high - low));
}

// Posterior mean of the weights, and log of prior times evidence. With features scaled by their deviations, S, the mean of
// the scaled weights is A^-1 S'y / noise with A = I + S'S / noise.
function solve({ noise, sinusoid, line, weight, grid }: FunctionFamily, w: number, x: ArrayLike<number>, y: ArrayLike<number>) {
  let [ss, sc, sl, cc, cl, ll, sy, cy, ly, yy] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const s = sinusoid * Math.sin(w * x[i]!);
    const c = sinusoid * Math.cos(w * x[i]!);
    const l = line * x[i]!;
    ss += s * s;
    sc += s * c;
    sl += s * l;
    cc += c * c;
    cl += c * l;
    ll += l * l;
    sy += s * y[i]!;
    cy += c * y[i]!;
    ly += l * y[i]!;
    yy += y[i]! * y[i]!;
  }
  // Cholesky of A, a 3 x 3 matrix; a feature that is zero leaves its row of the identity.
  const d1 = Math.sqrt(1 + ss / noise);
  const e21 = sc / noise / d1;
  const e31 = sl / noise / d1;
  const d2 = Math.sqrt(1 + cc / noise - e21 * e21);
  const e32 = (cl / noise - e31 * e21) / d2;
  const d3 = Math.sqrt(1 + ll / noise - e31 * e31 - e32 * e32);
  const u1 = sy / noise / d1;
  const u2 = (cy / noise - e21 * u1) / d2;
  const u3 = (ly / noise - e31 * u1 - e32 * u2) / d3;
  const v3 = u3 / d3;
  const v2 = (u2 - e32 * v3) / d2;
  const v1 = (u1 - e21 * v2 - e31 * v3) / d1;
  const explained = u1 * u1 + u2 * u2 + u3 * u3;
  const determinant = 2 * Math.log(d1 * d2 * d3);
  const evidence = -0.5 * (yy / noise - explained + determinant + x.length * Math.log(2 * Math.PI * noise));
  return { w, a: sinusoid * v1, b: sinusoid * v2, c: line * v3, log: evidence + Math.log(weight / (sinusoid ? grid : 1)) };
}

// The slope through the origin that fits best; 0 where nothing tells.
export function leastSquares(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let [xx, xy] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    xx += x[i]! * x[i]!;
    xy += x[i]! * y[i]!;
  }
  return xx ? xy / xx : 0;
}

// The mean label of the nearest points; 0 where there is none.
export function nearest(x: ArrayLike<number>, y: ArrayLike<number>, query: ArrayLike<number>, neighbours = 3): Float64Array {
  const count = Math.min(neighbours, x.length);
  return Float64Array.from(query, (at) => {
    const order = Array.from({ length: x.length }, (_, i) => i).sort((a, b) => Math.abs(x[a]! - at) - Math.abs(x[b]! - at));
    return order.slice(0, count).reduce((sum, i) => sum + y[i]!, 0) / Math.max(1, count);
  });
}
