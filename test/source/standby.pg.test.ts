import { rmSync, writeFileSync } from 'node:fs'
import { userInformation } from '../../examples/social/user-information.ts'
import { until } from '../support/wait.ts'
import { sourceFixture } from './source-fixture.ts'

test('a standby is refused, and after its promotion it is another history', async () => {
  const fixture = await sourceFixture()
  try {
    const { rows } = await fixture.admin.query<{ folder: string }>(
      `select current_setting('data_directory') as folder`,
    )
    const signal = `${rows[0]!.folder}/standby.signal`
    const before = await fixture.open().mark('x', 'y')
    await fixture.server.kill()
    writeFileSync(signal, '', { mode: 0o644 })
    await fixture.server.start()

    const source = fixture.open()
    const refused = {
      code: 'source-refused',
      waitsForPeople: true,
      hint: expect.stringMatching(/primary/) as string,
    }
    await expect(source.mark('x', 'y')).rejects.toMatchObject(refused)
    await expect(source.moment(userInformation)).rejects.toMatchObject(refused)
    const page = { kind: 'keys', keys: ['1'] } as const
    await expect(source.truth(userInformation, page, 'x')).rejects.toMatchObject(refused)
    const faults = await source.faults([userInformation])
    expect(faults.map(({ what }) => what)).toEqual([expect.stringMatching(/is a standby/)])

    const admin = await fixture.session()
    await admin.query('select pg_promote()')
    await until('it is the primary', async () => {
      const answer = await admin.query<{ standby: boolean }>(
        'select pg_is_in_recovery() as standby',
      )
      return !answer.rows[0]!.standby
    })
    const after = await source.mark('x', 'y')
    expect(before.history).toMatch(/\/1$/)
    expect(after.history).toBe(before.history.replace(/\/1$/, '/2'))
    expect((await source.truth(userInformation, page, 'x')).history).toBe(after.history)
    rmSync(signal, { force: true })
  } finally {
    await fixture.close()
  }
}, 90_000)
