import { judgeSheets, takeSheet } from '../../src/reconcile/look.ts'
import type { LookQuestion } from '../../src/store/audit.ts'
import { authors, Compared, held } from './look-fixture.ts'

test('a look is void when the store goes back behind the barrier that it had passed', async () => {
  const world = new Compared()
  await world.start()
  world.both('1', held('Ada'))
  const sheet = await takeSheet(world.plan(), { kind: 'keys', keys: ['1'] })
  const judged = (setBack: () => void) => {
    const { audit } = world.plan()
    const look = (question: LookQuestion) => {
      setBack()
      return audit.look(question)
    }
    const options = { ticket: undefined, signal: world.signal }
    const judging = judgeSheets({ ...world.plan(), audit: { look } }, [sheet], options)
    return world.clock.until(judging)
  }
  const { verdicts } = await judged(() => {})
  expect(verdicts.get('1')).toEqual({ kind: 'right' })
  await expect(judged(() => world.stands(authors, 9))).rejects.toMatchObject({
    code: 'look-void',
    message: 'the view has gone back',
  })
})

test('a look is void when a table was rewritten between its truth and its entries', async () => {
  const world = new Compared()
  await world.start()
  world.both('1', held('Ada'))
  const sheet = await takeSheet(world.plan(), { kind: 'keys', keys: ['1'] })
  const { audit } = world.plan()
  const look = async (question: LookQuestion) => {
    // Somebody has emptied the table, another process has noticed it, and has removed the entry.
    const { fingerprint, ...rest } = world.data.state!
    const history = 'of another set-up'
    world.data.state = {
      ...rest,
      fingerprint: JSON.stringify({ ...JSON.parse(fingerprint!), history }),
    }
    world.keep('1', undefined)
    return audit.look(question)
  }
  const options = { ticket: undefined, signal: world.signal }
  const judging = judgeSheets({ ...world.plan(), audit: { look } }, [sheet], options)
  await expect(world.clock.until(judging)).rejects.toMatchObject({
    code: 'look-void',
    message: 'the set-up of the source was altered',
  })
})
