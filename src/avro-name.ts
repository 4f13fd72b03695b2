/** A column's name as `field.name.adjustment.mode=avro` writes it. */
export function avroNameOf(column: string): string {
  const adjusted = column.replace(/[^A-Za-z0-9_]/g, '_')
  return /^[0-9]/.test(adjusted) ? `_${adjusted}` : adjusted
}
