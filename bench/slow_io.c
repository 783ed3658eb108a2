/* A slow disk for a test: every flush takes as many milliseconds more as the file named by SLOW_FLUSH_MS says.
   Build: cc -shared -fPIC -o slow_io.so slow_io.c -ldl; use: LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_a_while(void) {
    char text[32] = {0};
    const char *path = getenv("SLOW_FLUSH_MS");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    long got = read(file, text, sizeof text - 1);
    close(file);
    long ms = got > 0 ? strtol(text, NULL, 10) : 0;
    if (ms > 0) usleep((useconds_t)ms * 1000);
}

#define SLOW(name) int name(int fd) { static int (*real)(int) = NULL; if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, #name); wait_a_while(); return real(fd); }
SLOW(fsync)
SLOW(fdatasync)
