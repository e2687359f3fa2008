import type { RepositoryAddress } from '../jobs/repository.ts'

/** Sections of the configuration files that are written here by hand. */

export const remoteConfig = (remote: RepositoryAddress): string => `[remote "origin"]
\turl = ${quote(remote.url)}
\tfetch = +refs/heads/*:refs/remotes/origin/*
`

/** What makes git hand files to git-lfs. A content that cannot be had leaves its pointer in the tree. */
export const lfsFilterConfig = `[filter "lfs"]
\tclean = git-lfs clean -- %f
\tsmudge = git-lfs smudge -- %f
\tprocess = git-lfs filter-process
\trequired = true
[lfs]
\tskipdownloaderrors = true
`

/** For git-lfs itself: where contents are kept; nobody is asked for locks. */
export const lfsConfig = (store: string): string => `[lfs]\n\tstorage = ${quote(store)}\n\tlocksverify = false\n`

export const sparseConfig = (sparse: readonly string[]): string =>
  sparse.length === 0 ? '' : '[core]\n\tsparseCheckout = true\n\tsparseCheckoutCone = true\n'

const quote = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`
