/** Bytes that say which schema wrote them: 0, four bytes of schema id, then Avro. */
export type Framed = { readonly schemaId: number; readonly payload: Buffer }

const headerBytes = 5

/** Undefined when the bytes are not in this format. */
export function parseFrame(bytes: Uint8Array): Framed | undefined {
  if (bytes.length < headerBytes || bytes[0] !== 0) return undefined
  const buffer =
    bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return { schemaId: buffer.readInt32BE(1), payload: buffer.subarray(headerBytes) }
}
