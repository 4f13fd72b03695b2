import type { PostgresType } from './value-type.ts'

/** Types that views don't show, with what comes closest. */
const closest: Readonly<Record<string, string>> = {
  money: 'numeric',
  interval: 'text, or bigint for a number of microseconds',
  citext: 'text collate "C"',
  'time with time zone': 'time without time zone',
  xml: 'text',
  name: 'text',
  '"char"': 'text',
  oid: 'bigint',
  hstore: 'jsonb',
  inet: 'text',
  cidr: 'text',
  macaddr: 'text',
  macaddr8: 'text',
  bit: 'text',
  'bit varying': 'text',
  tsvector: 'text',
}

/** What people can do about a column whose type no view shows. */
export function insteadOf({ name, element }: PostgresType): string {
  if (element) return 'alter it to jsonb, or leave it out'
  return `alter it to ${closest[name] ?? 'text'}, or leave it out`
}
