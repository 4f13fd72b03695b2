import { topicOf, unfit } from '../../src/coordinate/setup.ts'
import type { TopicDescription } from '../../src/consume/change-source.ts'
import { topicNames } from '../support/fake-outside.ts'
import { lsnFromInteger } from '../../src/position.ts'
import { viewOf, type View } from '../../src/view/view.ts'
import { library } from '../support/library.ts'
import { World } from './coordination-fixture.ts'

let world: World

beforeEach(() => {
  world = new World()
})

const faults = () => world.setup.faults(library)

function describeTopic(given: Partial<TopicDescription>): void {
  const topic = topicNames[1]!
  world.outside.topics = {
    ...world.outside.topics,
    [topic]: { ...world.outside.topics[topic]!, ...given },
  }
}

test('the topics of a view are those of its tables', () => {
  expect(topicOf('shop', 'users')).toBe('shop.public.users')
  expect(topicOf('shop', 'sales."Odd.tab é😀-1"')).toBe('shop.sales.Odd.tab____-1')
  expect(world.setup.topics(library)).toEqual(topicNames)
  expect(world.setup.tableOf(library, topicNames[1]!)).toBe('books')
  expect(world.setup.tableOf(library, 't.public.others')).toBeUndefined()
})

test('a look finds database, connector, topics and what the store has dropped', async () => {
  world.evicted = 4
  const { fingerprint: found, lsn } = await world.setup.look(library)
  expect(lsn).toBe(lsnFromInteger(world.outside.lsn))
  expect(found).toMatchObject({
    history: '7/1',
    tables: world.outside.setup['tables'],
    publication: { oid: 4 },
    slot: { name: 'millrace' },
    evicted: 4,
  })
  expect(Object.keys(found.topics)).toEqual(topicNames)
})

test('a store that does not tell what it has dropped has dropped nothing', async () => {
  world.evicted = undefined
  expect((await world.setup.look(library)).fingerprint).toMatchObject({ evicted: 0 })
})

describe('a set-up', () => {
  test('fits that has no faults', async () => {
    expect(await faults()).toEqual([])
  })

  test('does not fit where two tables share a topic', async () => {
    const view = viewOf({
      ...library,
      counts: [
        { ...library.counts[0]!, table: 'sales."a.b"' },
        { ...library.counts[1]!, table: '"sales.a".b' },
      ],
    })
    expect((await world.setup.faults(view)).map(({ what }) => what)).toContain(
      'changes of sales."a.b" and of "sales.a".b go to the same topic t.sales.a.b: rename one of them',
    )
  })

  test('has the faults of the source', async () => {
    const fault = { table: 'books', what: 'is not there', mend: 'create table books ();' }
    world.outside.faults = [fault]
    expect(await faults()).toEqual([fault])
  })

  test('is asked of the source for the view', async () => {
    const asked: (readonly View[])[] = []
    world.outside.source.faults = async (views) => {
      asked.push(views)
      return []
    }
    await faults()
    expect(asked).toEqual([[library]])
  })

  test.each(['3.7.0.Final', '3.7.1', '3.10.0', '10.0.0.Final'])(
    'fits with Debezium %s',
    async (version) => {
      world.outside.version = version
      expect(await faults()).toEqual([])
    },
  )

  test.each(['3.6.9.Final', '2.10.7', '3.7.0.CR1', '3.7.0.Alpha2', '3.0', 'unknown', ''])(
    'does not fit with Debezium %p',
    async (version) => {
      world.outside.version = version
      expect(await faults()).toMatchObject([{ table: undefined }])
    },
  )

  test('has the faults of the connector, by what the view needs of it', async () => {
    world.outside.settings = { ...world.outside.settings, 'slot.name': 'another' }
    const [slot] = await faults()
    expect(slot).toMatchObject({ table: undefined, what: expect.stringContaining('slot.name') })
    world.outside.settings = {
      ...world.outside.settings,
      'slot.name': 'millrace',
      'publication.name': 'x',
    }
    expect((await faults())[0]!.what).toContain('"millrace"')
    world.outside.settings = {
      ...world.outside.settings,
      'publication.name': 'millrace',
      'topic.prefix': 'x',
    }
    expect((await faults())[0]!.what).toContain('topic.prefix')
  })

  test('needs of the connector every table and column that the view reads', async () => {
    const { settings } = world.outside
    const tables = (...names: readonly string[]) => names.map((name) => `public.${name}`).join()
    world.outside.settings = { ...settings, 'table.include.list': tables('authors', 'books') }
    expect((await faults()).map(({ what }) => what)).toEqual([
      expect.stringContaining('leaves out table public.prizes'),
    ])
    const columns = tables('authors.id', 'authors.name', 'books.author')
    world.outside.settings = { ...settings, 'column.include.list': columns }
    expect((await faults()).map(({ what }) => what)).toEqual([
      expect.stringContaining('leaves out column public.prizes.author'),
    ])
  })

  test.each(['2.7.4.Final', '3.6.9.Final', '3.6.10', '0.0.1', 'unknown'])(
    'does not fit with Debezium %s',
    async (version) => {
      world.outside.version = version
      expect(await faults()).toEqual([
        {
          table: undefined,
          what: `Debezium ${version} is older than 3.7.0.Final and loses rows when it restarts`,
          mend: undefined,
        },
      ])
    },
  )

  test.each(['3.7.0.Final', '3.7.1.Final', '3.8.0.Final', '3.10.0.Final', '4.0.0.Final'])(
    'fits with Debezium %s',
    async (version) => {
      world.outside.version = version
      expect(await faults()).toEqual([])
    },
  )

  test('needs the topic of each table', async () => {
    const { [topicNames[1]!]: _, ...others } = world.outside.topics
    world.outside.topics = others
    expect(await faults()).toEqual([
      { table: 'books', what: 'topic t.public.books is not there', mend: undefined },
    ])
  })

  test('needs a topic from which compaction takes nothing too soon', async () => {
    describeTopic({ cleanupPolicy: 'compact' })
    const [fault, ...others] = await faults()
    expect(others).toEqual([])
    expect(fault).toEqual({
      table: 'books',
      what: expect.stringContaining('min.compaction.lag.ms = 0'),
      mend: expect.stringContaining('kafka-configs.sh --bootstrap-server localhost:9092'),
    })
    describeTopic({ cleanupPolicy: 'compact', compactionLagMs: 1 })
    expect(await faults()).toEqual([])
  })

  test('may have many faults at once', async () => {
    world.outside.version = '3.6.0.Final'
    world.outside.topics = {}
    world.outside.faults = [{ table: 'books', what: 'x', mend: undefined }]
    expect(await faults()).toHaveLength(5)
  })

  test('that can not be judged for a bug is none that is unfit', async () => {
    describeTopic({ cleanupPolicy: undefined as never })
    await expect(faults()).rejects.toThrow(TypeError)
  })
})

describe('faults as one error', () => {
  test('say what is wrong, and what mends it', () => {
    const error = unfit(library, [
      { table: 'books', what: 'this is wrong', mend: 'alter table books;' },
      { table: undefined, what: 'that too', mend: undefined },
      { table: 'prizes', what: 'and more', mend: 'alter table prizes;' },
    ])
    expect(error).toMatchObject({
      code: 'source-unfit',
      message: 'the set-up does not fit view library: this is wrong; that too; and more',
      hint: 'Run: alter table books; alter table prizes;',
    })
  })

  test('have no hint where nothing is known to mend them', () => {
    const error = unfit(library, [{ table: undefined, what: 'x', mend: undefined }])
    expect(error.hint).toBeUndefined()
  })
})
