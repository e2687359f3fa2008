/** The moments after which a kill leaves something half done; tests stop there. */
export type StorePoint =
  | 'submit: keyed'
  | 'submit: queued'
  | 'claim: taken'
  | 'finish: outcome'
  | 'finish: decided'
  | 'finish: folded'
  | 'release: recorded'
  | 'release: requeued'
  | 'cancel: marked'
  | 'cancel: taken'
  | 'reap: ended'
  | 'sweep: key dropped'
