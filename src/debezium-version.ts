/** Which releases of Debezium are good enough: before 3.7.0.Final a restart may lose rows. */
export const oldestDebezium = '3.7.0.Final'

export type DebeziumVersion = 'good' | 'too old' | 'no version'

export function judgeDebezium(version: string): DebeziumVersion {
  const match = /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:[.-](\w{1,40}))?$/.exec(version)
  if (!match) return 'no version'
  for (const [at, oldest] of [3, 7, 0].entries()) {
    const part = Number(match[at + 1])
    if (part !== oldest) return part < oldest ? 'too old' : 'good'
  }
  return /^(alpha|beta|cr|rc|snapshot)/i.test(match[4] ?? '') ? 'too old' : 'good'
}
