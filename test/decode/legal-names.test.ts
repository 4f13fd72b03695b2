import avsc, { type Schema } from 'avsc'
import { withLegalNames } from '../../src/decode/legal-names.ts'

const boats: Schema = {
  type: 'record',
  name: 'Envelope',
  namespace: 'tide.1.public.2026_boats',
  fields: [
    {
      name: 'before',
      type: [
        'null',
        {
          type: 'record',
          name: 'Value',
          fields: [{ name: 'rigs', type: { type: 'array', items: 'string' } }],
          'connect.name': 'tide.1.public.2026_boats.Value',
        },
      ],
    },
    { name: 'after', type: ['null', 'tide.1.public.2026_boats.Value'] },
    { name: 'more', type: { type: 'map', values: 'Value' } },
  ],
} as never

test('names that begin with a digit are made such that Avro reads what was written by them', () => {
  expect(() => avsc.Type.forSchema(boats)).toThrow('invalid')
  const type = avsc.Type.forSchema(withLegalNames(boats))
  const value = { before: null, after: { rigs: ['ketch'] }, more: { one: { rigs: [] } } }
  const read: unknown = type.fromBuffer(type.toBuffer(value))
  expect(JSON.stringify(read)).toBe(JSON.stringify(value))
})

test('names of fields, defaults, attributes and other names stay as they are', () => {
  const schema = {
    type: 'record',
    name: 'a.b.C',
    'connect.name': '1.2',
    fields: [{ name: '_1', type: 'long', default: 7, doc: '1.2' }],
  }
  expect(withLegalNames(schema as never)).toEqual(schema)
})
