/* Loaded before libc: the N-th call on a file under a folder fails. Built and armed by bench/faults_io.py.

   Modes: 1 EIO, 2 ENOSPC (calls that write only), 3 half of it is written and the call says so, the next fails,
   4 half of it is written and the process is killed (a torn page of the last write). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static char folder[4096];
static long counted = 0, fails_at = 0;
static int mode = 0, reads_too = 0;

void failing_io_arm(const char *under, long at, int how, int with_reads) {
    strncpy(folder, under, sizeof folder - 1);
    counted = 0;
    fails_at = at;
    mode = how;
    reads_too = with_reads;
}

long failing_io_count(void) { return counted; }

static int is_ours(int fd) {
    char link[64], path[4096];
    if (!folder[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

/* Is this the call that fails? In mode 3 the one after the short write fails as well. */
static int fails(void) {
    long number = __sync_add_and_fetch(&counted, 1);
    return fails_at && (number == fails_at || (mode == 3 && number == fails_at + 1));
}

#define REAL(type, name) static type (*real)() = NULL; if (!real) real = (type (*)())dlsym(RTLD_NEXT, #name)

static ssize_t part_of(ssize_t written) {
    if (mode == 4) kill(getpid(), SIGKILL);
    return written;
}

#define FAILED (mode == 2 || mode == 3 ? ENOSPC : EIO)

ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, write);
    if (is_ours(fd) && fails()) {
        if (mode >= 3 && counted == fails_at && size > 1) return part_of(real(fd, data, size / 2));
        errno = FAILED;
        return -1;
    }
    return real(fd, data, size);
}

static ssize_t pwrite_at(ssize_t (*real)(), int fd, const void *data, size_t size, off64_t at) {
    if (is_ours(fd) && fails()) {
        if (mode >= 3 && counted == fails_at && size > 1) return part_of(real(fd, data, size / 2, at));
        errno = FAILED;
        return -1;
    }
    return real(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { REAL(ssize_t, pwrite); return pwrite_at(real, fd, data, size, at); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { REAL(ssize_t, pwrite64); return pwrite_at(real, fd, data, size, at); }

#define CHANGING(name) int name(int fd) { REAL(int, name); if (is_ours(fd) && fails()) { if (mode == 4) kill(getpid(), SIGKILL); errno = FAILED; return -1; } return real(fd); }
CHANGING(fsync)
CHANGING(fdatasync)

int ftruncate64(int fd, off64_t size) { REAL(int, ftruncate64); if (is_ours(fd) && fails()) { errno = EIO; return -1; } return real(fd, size); }
int ftruncate(int fd, off_t size) { REAL(int, ftruncate); if (is_ours(fd) && fails()) { errno = EIO; return -1; } return real(fd, size); }

int rename(const char *from, const char *to) {
    REAL(int, rename);
    if (folder[0] && strncmp(from, folder, strlen(folder)) == 0 && fails()) {
        if (mode == 4) kill(getpid(), SIGKILL);
        errno = FAILED;
        return -1;
    }
    return real(from, to);
}

static int reads_fail(int fd) { return reads_too && mode == 1 && is_ours(fd) && fails(); }

ssize_t read(int fd, void *data, size_t size) { REAL(ssize_t, read); if (reads_fail(fd)) { errno = EIO; return -1; } return real(fd, data, size); }
ssize_t pread(int fd, void *data, size_t size, off_t at) { REAL(ssize_t, pread); if (reads_fail(fd)) { errno = EIO; return -1; } return real(fd, data, size, at); }
ssize_t pread64(int fd, void *data, size_t size, off64_t at) { REAL(ssize_t, pread64); if (reads_fail(fd)) { errno = EIO; return -1; } return real(fd, data, size, at); }
