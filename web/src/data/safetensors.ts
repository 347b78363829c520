// Reads a pack: a safetensors file with a JSON document in its metadata (src/latebloom/view/pack.py writes it).

export interface Table {
  shape: number[];
  data: Float32Array | Float64Array | Int32Array | Uint8Array;
}

export interface Pack {
  document: any;
  arrays: Record<string, Table>;
}

export function parsePack(buffer: ArrayBuffer): Pack {
  if (buffer.byteLength < 8) throw new Error("The file is too short to be a pack.");
  const view = new DataView(buffer);
  const length = Number(view.getBigUint64(0, true));
  if (8 + length > buffer.byteLength) throw new Error("The file was cut off within its header.");
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const { __metadata__: metadata, ...tensors } = header;
  const arrays: Record<string, Table> = {};
  for (const [name, entry] of Object.entries<any>(tensors)) {
    const [start, end] = entry.data_offsets;
    if (8 + length + end > buffer.byteLength) throw new Error(`The file was cut off within ${name}.`);
    const bytes = buffer.slice(8 + length + start, 8 + length + end); // a copy is aligned whatever the offset
    arrays[name] = { shape: entry.shape, data: read(entry.dtype, bytes) };
  }
  return { document: JSON.parse(metadata?.document ?? "null"), arrays };
}

function read(kind: string, bytes: ArrayBuffer): Table["data"] {
  switch (kind) {
    case "F16":
      return halves(new Uint16Array(bytes));
    case "F32":
      return new Float32Array(bytes);
    case "F64":
      return new Float64Array(bytes);
    case "I32":
      return new Int32Array(bytes);
    case "U8":
      return new Uint8Array(bytes);
    default:
      throw new Error(`A pack may not hold numbers of kind ${kind}.`);
  }
}

let table: Float32Array | null = null;

// IEEE 754 binary16, by a table of all 65,536 values: films have millions of them.
function halves(values: Uint16Array): Float32Array {
  if (!table) {
    table = new Float32Array(65536);
    for (let bits = 0; bits < 65536; bits++) {
      const sign = bits & 0x8000 ? -1 : 1;
      const exponent = (bits >> 10) & 31;
      const fraction = bits & 1023;
      if (exponent === 31) table[bits] = fraction ? NaN : sign * Infinity;
      else table[bits] = sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
    }
  }
  const out = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = table[values[i]!]!;
  return out;
}
