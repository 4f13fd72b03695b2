import { generate } from '../generator.ts'
import { music } from './application.ts'

await generate(music)
