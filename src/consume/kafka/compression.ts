import { promisify } from 'node:util'
import { gunzip, zstdDecompress } from 'node:zlib'

/** What kafkajs asks for where a batch is compressed. */
export type Codec = { decompress(bytes: Buffer): Promise<Buffer> }

/** By the number that a batch has for it; kafkajs has gzip alone. */
export const codecs: Readonly<Record<number, () => Codec>> = {
  1: () => codec('gzip', promisify(gunzip)),
  2: () => refuse('snappy'),
  3: () => refuse('lz4'),
  4: () => codec('zstd', promisify(zstdDecompress)),
}

function codec(name: string, expand: Codec['decompress']): Codec {
  return {
    decompress: (bytes) =>
      expand(bytes).catch((cause: unknown) => refuse(`${name}, and damaged`, cause)),
  }
}

/** `faultKind` reads the type as it reads those of kafkajs. */
function refuse(name: string, cause?: unknown): never {
  const error = new Error(`records are compressed with ${name}`, { cause })
  throw Object.assign(error, { type: 'UNREADABLE_COMPRESSION' })
}
