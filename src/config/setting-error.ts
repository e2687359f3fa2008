/** A setting that cannot be used: names where it was set, its value unless that is a secret, and what is allowed. */
export class SettingError extends Error {
  override readonly name = 'SettingError'
}
