import type { View } from '../fold/view.ts'
import { userInformation } from './user-information.ts'

/** Every view that Millrace keeps. */
export const views: readonly View[] = [userInformation]
