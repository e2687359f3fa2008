/*
 * A directory that answers late: passes every operation on to another directory, after a pause. It stands in for a volume
 * that machines share.
 *
 *   slow-directory BACKING MOUNTPOINT COUNTS PAUSE_US CACHE_SECONDS
 *
 * The pause is made for each request of the kernel, by whichever of many threads has taken it; answers that nobody waits
 * for (forget, interrupt) have none. COUNTS is a file of 64 64-bit numbers: the requests so far, by opcode (linux/fuse.h).
 * Prints "ready" when mounted. Unmounts on SIGTERM, SIGINT, SIGHUP and when its parent dies. Files are known by their
 * inode, so that hard links, renames and removed files that are still open are what they are on any other disk; locks
 * (flock, fcntl) are kept by the kernel, as there is one machine.
 */
#define FUSE_USE_VERSION 35
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { threads = 32, opcodes = 64, largest = 1024 * 1024, buckets = 65536 };

/* A file the kernel knows of; as long as it is held open, nothing else gets its inode number. */
struct node {
  int fd;
  ino_t inode;
  dev_t device;
  uint64_t lookups;
  struct node *next;
};

static struct node root;
static struct node *nodes[buckets];
static pthread_mutex_t nodes_mutex = PTHREAD_MUTEX_INITIALIZER;
static long pause_us;
static double cache_seconds;
static _Atomic uint64_t *counts;
static struct fuse_session *session;

static struct node *node_of(fuse_ino_t id) { return id == FUSE_ROOT_ID ? &root : (struct node *)(uintptr_t)id; }
static int fd_of(fuse_ino_t id) { return node_of(id)->fd; }

/* A name for the file itself, for calls that take no O_PATH descriptor. */
struct name {
  char text[32];
};

static struct name name_of(fuse_ino_t id) {
  struct name name;
  snprintf(name.text, sizeof name.text, "/proc/self/fd/%d", fd_of(id));
  return name;
}

static void reply_result(fuse_req_t request, int result) { fuse_reply_err(request, result == -1 ? errno : 0); }

/* What there is under a name, counted as known to the kernel. Returns an errno. */
static int look_up(fuse_ino_t parent, const char *name, struct fuse_entry_param *entry) {
  *entry = (struct fuse_entry_param){.attr_timeout = cache_seconds, .entry_timeout = cache_seconds};
  int fd = openat(fd_of(parent), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd == -1) return errno;
  if (fstatat(fd, "", &entry->attr, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == -1) {
    int error = errno;
    close(fd);
    return error;
  }
  pthread_mutex_lock(&nodes_mutex);
  struct node **at = &nodes[entry->attr.st_ino % buckets];
  while (*at && ((*at)->inode != entry->attr.st_ino || (*at)->device != entry->attr.st_dev)) at = &(*at)->next;
  if (*at) {
    close(fd);
  } else {
    *at = calloc(1, sizeof **at);
    if (!*at) abort();
    **at = (struct node){.fd = fd, .inode = entry->attr.st_ino, .device = entry->attr.st_dev};
  }
  (*at)->lookups++;
  entry->ino = (uintptr_t)*at;
  pthread_mutex_unlock(&nodes_mutex);
  return 0;
}

static void forget(fuse_ino_t id, uint64_t count) {
  if (id == FUSE_ROOT_ID) return;
  pthread_mutex_lock(&nodes_mutex);
  struct node *node = node_of(id);
  node->lookups -= count;
  if (node->lookups == 0) {
    struct node **at = &nodes[node->inode % buckets];
    while (*at != node) at = &(*at)->next;
    *at = node->next;
    close(node->fd);
    free(node);
  }
  pthread_mutex_unlock(&nodes_mutex);
}

static void on_init(void *unused, struct fuse_conn_info *connection) {
  (void)unused;
  /* The header of a request has to be in memory, where its opcode is read; writes are passed on one by one. */
  connection->want &= ~(FUSE_CAP_SPLICE_READ | FUSE_CAP_WRITEBACK_CACHE);
  connection->max_write = largest;
  connection->max_background = threads;
}

static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char *name) {
  struct fuse_entry_param entry;
  int error = look_up(parent, name, &entry);
  if (error) fuse_reply_err(request, error);
  else fuse_reply_entry(request, &entry);
}

static void on_forget(fuse_req_t request, fuse_ino_t id, uint64_t count) {
  forget(id, count);
  fuse_reply_none(request);
}

static void on_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets) {
  for (size_t n = 0; n < count; n++) forget(forgets[n].ino, forgets[n].nlookup);
  fuse_reply_none(request);
}

static void on_getattr(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *file) {
  (void)file;
  struct stat stats;
  if (fstatat(fd_of(id), "", &stats, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == -1) fuse_reply_err(request, errno);
  else fuse_reply_attr(request, &stats, cache_seconds);
}

static struct timespec time_to_set(int set, int now, struct timespec given) {
  if (now) return (struct timespec){.tv_nsec = UTIME_NOW};
  return set ? given : (struct timespec){.tv_nsec = UTIME_OMIT};
}

static int set_attributes(fuse_ino_t id, struct stat *wanted, int set, struct fuse_file_info *file) {
  struct name name = name_of(id);
  if (set & FUSE_SET_ATTR_MODE && chmod(name.text, wanted->st_mode) == -1) return -1;
  if (set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) {
    uid_t user = set & FUSE_SET_ATTR_UID ? wanted->st_uid : (uid_t)-1;
    gid_t group = set & FUSE_SET_ATTR_GID ? wanted->st_gid : (gid_t)-1;
    if (fchownat(fd_of(id), "", user, group, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == -1) return -1;
  }
  if (set & FUSE_SET_ATTR_SIZE) {
    int result = file ? ftruncate((int)file->fh, wanted->st_size) : truncate(name.text, wanted->st_size);
    if (result == -1) return -1;
  }
  if (set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME)) {
    struct timespec times[2] = {
        time_to_set(set & FUSE_SET_ATTR_ATIME, set & FUSE_SET_ATTR_ATIME_NOW, wanted->st_atim),
        time_to_set(set & FUSE_SET_ATTR_MTIME, set & FUSE_SET_ATTR_MTIME_NOW, wanted->st_mtim),
    };
    return utimensat(AT_FDCWD, name.text, times, 0);
  }
  return 0;
}

static void on_setattr(fuse_req_t request, fuse_ino_t id, struct stat *wanted, int set, struct fuse_file_info *file) {
  if (set_attributes(id, wanted, set, file) == -1) fuse_reply_err(request, errno);
  else on_getattr(request, id, file);
}

static void on_access(fuse_req_t request, fuse_ino_t id, int mode) {
  reply_result(request, access(name_of(id).text, mode));
}

static void on_readlink(fuse_req_t request, fuse_ino_t id) {
  char target[4097];
  ssize_t length = readlinkat(fd_of(id), "", target, sizeof target - 1);
  if (length == -1) {
    fuse_reply_err(request, errno);
    return;
  }
  target[length] = '\0';
  fuse_reply_readlink(request, target);
}

static void reply_made(fuse_req_t request, int result, fuse_ino_t parent, const char *name) {
  if (result == -1) fuse_reply_err(request, errno);
  else on_lookup(request, parent, name);
}

static void on_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, dev_t device) {
  reply_made(request, mknodat(fd_of(parent), name, mode, device), parent, name);
}

static void on_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode) {
  reply_made(request, mkdirat(fd_of(parent), name, mode), parent, name);
}

static void on_symlink(fuse_req_t request, const char *target, fuse_ino_t parent, const char *name) {
  reply_made(request, symlinkat(target, fd_of(parent), name), parent, name);
}

static void on_link(fuse_req_t request, fuse_ino_t id, fuse_ino_t parent, const char *name) {
  int result = linkat(AT_FDCWD, name_of(id).text, fd_of(parent), name, AT_SYMLINK_FOLLOW);
  reply_made(request, result, parent, name);
}

static void on_unlink(fuse_req_t request, fuse_ino_t parent, const char *name) {
  reply_result(request, unlinkat(fd_of(parent), name, 0));
}

static void on_rmdir(fuse_req_t request, fuse_ino_t parent, const char *name) {
  reply_result(request, unlinkat(fd_of(parent), name, AT_REMOVEDIR));
}

static void on_rename(fuse_req_t request, fuse_ino_t from, const char *name, fuse_ino_t to, const char *new_name,
                      unsigned int flags) {
  reply_result(request, renameat2(fd_of(from), name, fd_of(to), new_name, flags));
}

static void on_open(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *file) {
  int fd = open(name_of(id).text, (file->flags & ~O_NOFOLLOW) | O_CLOEXEC);
  if (fd == -1) {
    fuse_reply_err(request, errno);
    return;
  }
  file->fh = (uint64_t)fd;
  fuse_reply_open(request, file);
}

static void on_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *file) {
  struct fuse_entry_param entry;
  int fd = openat(fd_of(parent), name, ((file->flags | O_CREAT) & ~O_NOFOLLOW) | O_CLOEXEC, mode);
  int error = fd == -1 ? errno : look_up(parent, name, &entry);
  if (error) {
    if (fd != -1) close(fd);
    fuse_reply_err(request, error);
    return;
  }
  file->fh = (uint64_t)fd;
  fuse_reply_create(request, &entry, file);
}

static void on_read(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, struct fuse_file_info *file) {
  (void)id;
  struct fuse_bufvec data = FUSE_BUFVEC_INIT(size);
  data.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
  data.buf[0].fd = (int)file->fh;
  data.buf[0].pos = offset;
  fuse_reply_data(request, &data, 0);
}

static void on_write(fuse_req_t request, fuse_ino_t id, const char *data, size_t size, off_t offset,
                     struct fuse_file_info *file) {
  (void)id;
  ssize_t written = pwrite((int)file->fh, data, size, offset);
  if (written == -1) fuse_reply_err(request, errno);
  else fuse_reply_write(request, (size_t)written);
}

static void on_flush(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *file) {
  (void)id;
  reply_result(request, close(dup((int)file->fh)));
}

static void on_release(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *file) {
  (void)id;
  reply_result(request, close((int)file->fh));
}

static void on_fsync(fuse_req_t request, fuse_ino_t id, int data_only, struct fuse_file_info *file) {
  (void)id;
  reply_result(request, data_only ? fdatasync((int)file->fh) : fsync((int)file->fh));
}

static void on_fallocate(fuse_req_t request, fuse_ino_t id, int mode, off_t offset, off_t length,
                         struct fuse_file_info *file) {
  (void)id;
  reply_result(request, fallocate((int)file->fh, mode, offset, length));
}

static void on_statfs(fuse_req_t request, fuse_ino_t id) {
  struct statvfs stats;
  if (fstatvfs(fd_of(id), &stats) == -1) fuse_reply_err(request, errno);
  else fuse_reply_statfs(request, &stats);
}

static void on_opendir(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *file) {
  int fd = openat(fd_of(id), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = fd == -1 ? NULL : fdopendir(fd);
  if (!directory) {
    fuse_reply_err(request, errno);
    return;
  }
  file->fh = (uintptr_t)directory;
  fuse_reply_open(request, file);
}

/* The kernel never reads one handle of a directory twice at once. */
static void list(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, struct fuse_file_info *file, int plus) {
  DIR *directory = (DIR *)(uintptr_t)file->fh;
  char *buffer = malloc(size);
  size_t used = 0;
  struct dirent *found;
  seekdir(directory, offset);
  while (buffer && (found = readdir(directory))) {
    struct fuse_entry_param entry = {.attr = {.st_ino = found->d_ino, .st_mode = (mode_t)found->d_type << 12}};
    int is_real = strcmp(found->d_name, ".") != 0 && strcmp(found->d_name, "..") != 0;
    /* Gone since it was read: it is not listed. */
    if (plus && is_real && look_up(id, found->d_name, &entry) != 0) continue;
    char *to = buffer + used;
    size_t left = size - used;
    size_t needed = plus ? fuse_add_direntry_plus(request, to, left, found->d_name, &entry, found->d_off)
                         : fuse_add_direntry(request, to, left, found->d_name, &entry.attr, found->d_off);
    if (needed > left) {
      if (plus && is_real) forget(entry.ino, 1);
      break;
    }
    used += needed;
  }
  fuse_reply_buf(request, buffer, used);
  free(buffer);
}

static void on_readdir(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, struct fuse_file_info *file) {
  list(request, id, size, offset, file, 0);
}

static void on_readdirplus(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, struct fuse_file_info *file) {
  list(request, id, size, offset, file, 1);
}

static void on_releasedir(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *file) {
  (void)id;
  reply_result(request, closedir((DIR *)(uintptr_t)file->fh));
}

static void on_fsyncdir(fuse_req_t request, fuse_ino_t id, int data_only, struct fuse_file_info *file) {
  (void)id;
  (void)data_only;
  reply_result(request, fsync(dirfd((DIR *)(uintptr_t)file->fh)));
}

static const struct fuse_lowlevel_ops operations = {
    .init = on_init,
    .lookup = on_lookup,
    .forget = on_forget,
    .forget_multi = on_forget_multi,
    .getattr = on_getattr,
    .setattr = on_setattr,
    .access = on_access,
    .readlink = on_readlink,
    .mknod = on_mknod,
    .mkdir = on_mkdir,
    .symlink = on_symlink,
    .link = on_link,
    .unlink = on_unlink,
    .rmdir = on_rmdir,
    .rename = on_rename,
    .open = on_open,
    .create = on_create,
    .read = on_read,
    .write = on_write,
    .flush = on_flush,
    .release = on_release,
    .fsync = on_fsync,
    .fallocate = on_fallocate,
    .statfs = on_statfs,
    .opendir = on_opendir,
    .readdir = on_readdir,
    .readdirplus = on_readdirplus,
    .releasedir = on_releasedir,
    .fsyncdir = on_fsyncdir,
};

static int is_waited_for(uint32_t opcode) {
  return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT && opcode != FUSE_INIT &&
         opcode != FUSE_DESTROY;
}

static void *serve(void *unused) {
  (void)unused;
  struct fuse_buf request = {.mem = NULL};
  struct timespec pause = {.tv_sec = pause_us / 1000000, .tv_nsec = pause_us % 1000000 * 1000};
  prctl(PR_SET_TIMERSLACK, 1);
  while (!fuse_session_exited(session)) {
    int result = fuse_session_receive_buf(session, &request);
    if (result == -EINTR || result == -EAGAIN) continue;
    if (result <= 0) break;
    uint32_t opcode = ((struct fuse_in_header *)request.mem)->opcode;
    if (is_waited_for(opcode)) {
      atomic_fetch_add(&counts[opcode % opcodes], 1);
      nanosleep(&pause, NULL);
    }
    fuse_session_process_buf(session, &request);
  }
  kill(getpid(), SIGTERM);
  return NULL;
}

static int failed(const char *what) {
  perror(what);
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  pause_us = atol(argv[4]);
  cache_seconds = atof(argv[5]);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  umask(0);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  root.fd = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root.fd == -1) return failed(argv[1]);
  int counting = open(argv[3], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (counting == -1 || ftruncate(counting, opcodes * sizeof *counts) == -1) return failed(argv[3]);
  counts = mmap(NULL, opcodes * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, counting, 0);
  if (counts == MAP_FAILED) return failed("mmap");

  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &ends, NULL);

  char *options[] = {argv[0], "-o", "fsname=agenticore-bench"};
  struct fuse_args args = FUSE_ARGS_INIT(3, options);
  session = fuse_session_new(&args, &operations, sizeof operations, NULL);
  if (!session || fuse_session_mount(session, argv[2]) != 0) return 1;
  for (int n = 0; n < threads; n++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, NULL) != 0) {
      fuse_session_unmount(session);
      return failed("pthread_create");
    }
  }
  puts("ready");
  fflush(stdout);
  int which;
  sigwait(&ends, &which);
  fuse_session_unmount(session);
  _exit(0);
}
