import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'

/** What kafkajs asks for where a batch is compressed. */
export type Codec = { decompress(bytes: Buffer): Promise<Buffer> }

/** By the number that a batch has for it, of those that kafkajs lacks: it knows gzip alone. */
export const codecs: Readonly<Record<number, () => Codec>> = {
  2: () => refuse('snappy'),
  3: () => refuse('lz4'),
  4: () => ({ decompress: promisify(zstdDecompress) }),
}

/** `faultKind` reads the type as it reads those of kafkajs. */
function refuse(name: string): never {
  const type = 'UNREADABLE_COMPRESSION'
  throw Object.assign(new Error(`records are compressed with ${name}`), { type })
}
