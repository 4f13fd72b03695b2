/**
 * What somebody does to the source that the log does not tell. Each is a doubt within seconds, which
 * readers are told of while they are served on, and which looks end by themselves.
 */
import type { AlwaysThere } from '../support/always-there.ts'
import type { ChainHarness } from '../support/chain-harness.ts'
import { asSuperuser } from '../support/source-sql.ts'
import { doubted, type Scene } from './scene.ts'

let harness: ChainHarness
let reader: AlwaysThere

export function describeSourceDoubts(scene: () => Scene): void {
  let epoch: string | undefined

  beforeAll(async () => {
    ;({ harness, reader } = scene())
    await mend()
    await harness.sql(
      `delete from users where user_id = 62099`,
      `insert into users (user_id, username, name)
         select n, 'doubted', 'First' from generate_series(62001, 62040) n on conflict do nothing`,
      `insert into tweets (tweet_id, user_id)
         select n, 62001 from generate_series(62001, 62020) n
         on conflict (tweet_id) do update set user_id = excluded.user_id`,
      `insert into follows (follower_id, followee_id)
         select n, 62001 from generate_series(62002, 62020) n on conflict do nothing`,
      `insert into likes (user_id, tweet_id)
         select n, 62001 from generate_series(62001, 62020) n on conflict do nothing`,
    )
    await harness.untilEqual()
    ;({ epoch } = await harness.standing())
  })

  // What one that failed has left would fail the next ones.
  afterAll(() => mend())

  afterEach(async () => {
    expect((await harness.standing()).epoch).toBe(epoch)
  })

  test('TRUNCATE of a captured table', async () => {
    const reason = await healed('table-rewritten', async () => {
      await harness.sql('truncate likes')
    })
    expect(reason).toContain('table likes was emptied')
  })

  test('a table dropped from the publication for a while: the SQL that mends it is named', async () => {
    await healed('publication-altered', async () => {
      await superuser('alter publication millrace drop table follows')
      await harness.sql('delete from follows where followee_id = 62001 and follower_id < 62010')
      const reason = await reader.untilDoubted('source-unfit')
      expect(reason).toContain('publication millrace does not have table follows')
      const [unfit] = (await harness.doubts()).filter(({ code }) => code === 'source-unfit')
      expect(unfit!.hint).toContain('alter publication "millrace" add table public."follows";')
      await superuser('alter publication "millrace" add table public."follows"')
    })
  })

  test('a table dropped from the publication and added again within a moment', async () => {
    await healed('publication-altered', async () => {
      await superuser('alter publication millrace drop table follows')
      await harness.sql('delete from follows where followee_id = 62001 and follower_id = 62011')
      await superuser('alter publication millrace add table follows')
    })
  })

  test('a publication without deletes for a while', async () => {
    await healed('publication-altered', async () => {
      await superuser(publishes('insert, update'))
      await harness.sql('delete from follows where followee_id = 62001 and follower_id = 62012')
      await superuser(publishes('insert, update, delete, truncate'))
    })
  })

  test('a publication with a row filter for a while', async () => {
    const others = 'users, tweets, likes'
    await healed('publication-altered', async () => {
      await superuser(
        `alter publication millrace set table ${others}, follows where (follower_id <> 62013)`,
      )
      await harness.sql('delete from follows where follower_id = 62013')
      await superuser(`alter publication millrace set table ${others}, follows`)
    })
  })

  test('ALTER TYPE … USING that moves rows to another entry', async () => {
    const reason = await healed('table-rewritten', async () => {
      await harness.sql(
        `alter table tweets alter column user_id type bigint
           using case user_id when 62001 then 62002 else user_id end`,
      )
    })
    expect(reason).toContain('table tweets')
  })

  test('ALTER TYPE … USING that changes a text', async () => {
    await healed('table-rewritten', async () => {
      await harness.sql(`alter table users alter column name type text using name || '!'`)
    })
  })

  test('a replica identity altered and put back within one transaction', async () => {
    const reason = await healed('unusable-change', async () => {
      await harness.sql(
        'begin',
        'alter table tweets replica identity default',
        'update tweets set user_id = 62003 where tweet_id between 62001 and 62010',
        'alter table tweets replica identity full',
        'commit',
      )
    })
    expect(reason).toContain('tweets')
    await reader.untilDoubted('replica-identity-altered')
  })

  test('a replica identity altered and left so: the SQL that mends it is named', async () => {
    await healed(
      'replica-identity-altered',
      async () => {
        await harness.sql('alter table users replica identity default')
        await reader.untilDoubted('source-unfit')
        const [unfit] = (await harness.doubts()).filter(({ code }) => code === 'source-unfit')
        expect(unfit!.hint).toContain('alter table public.users replica identity full;')
        await harness.sql(
          `update users set user_id = 62099 where user_id = 62040`,
          'alter table public.users replica identity full',
        )
      },
      'harmless',
    )
  })

  test('VACUUM FULL is a false alarm that costs one lap', async () => {
    await healed('table-rewritten', () => superuser('vacuum full likes'), 'harmless')
  })
}

/**
 * All is equal again by itself. Looks must have found entries wrong, or it did no harm that had to be
 * found. Answers the reason that readers were told.
 */
async function healed(
  code: string,
  act: () => Promise<void>,
  harm: 'harmful' | 'harmless' = 'harmful',
): Promise<string> {
  const { wrong } = await harness.standing()
  const reason = await doubted({ harness, reader }, code, act)
  await harness.untilEqual()
  if (harm === 'harmful') expect((await harness.standing()).wrong).toBeGreaterThan(wrong)
  return reason
}

async function mend(): Promise<void> {
  await superuser('alter table users replica identity full')
  await superuser('alter table tweets replica identity full')
  await superuser('alter publication millrace set table users, tweets, follows, likes')
  await superuser(publishes('insert, update, delete, truncate'))
}

function superuser(statement: string): Promise<void> {
  return asSuperuser(harness.chain, statement)
}

function publishes(operations: string): string {
  return `alter publication millrace set (publish = '${operations}')`
}
