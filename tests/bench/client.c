/* A minimal milter client: plays one recorded session again and again, with plain blocking calls.
 *
 * usage: client SOCKET-PATH SESSION-FILE SESSIONS PARALLEL
 *
 * The session file holds what is sent, in order: for each event a length (4 bytes, big-endian), a
 * letter, "?" where a reply is awaited or "." where none is, and the bytes, macros included. They
 * go out in one send. Prints the seconds of the whole run, then of each session, one a line. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct event {
    uint32_t length;
    char awaits;
    const unsigned char *bytes;
};

static struct sockaddr_un milter = {.sun_family = AF_UNIX};
static struct event *events;
static size_t event_count;
static long sessions;
static long begun;
static double *times;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static void read_events(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        die(path);
    size_t size = (size_t)ftell(file);
    unsigned char *data = malloc(size);
    rewind(file);
    if (!data || fread(data, 1, size, file) != size)
        die(path);
    fclose(file);
    for (size_t at = 0; at < size; event_count++) {
        events = realloc(events, (event_count + 1) * sizeof *events);
        uint32_t length;
        memcpy(&length, data + at, 4);
        events[event_count] = (struct event){ntohl(length), (char)data[at + 4], data + at + 5};
        at += 5 + ntohl(length);
    }
}

/* Reads packets until one is a reply; a request for more time ("p") and edits are none. */
static void await_reply(int link)
{
    unsigned char buffer[65536];
    size_t held = 0;
    for (;;) {
        while (held >= 5) {
            uint32_t length;
            memcpy(&length, buffer, 4);
            size_t whole = 4 + (size_t)ntohl(length);
            if (whole > sizeof buffer) {
                fprintf(stderr, "client: a reply of %zu bytes\n", whole);
                exit(1);
            }
            if (held < whole)
                break;
            if (strchr("acdrtsy4fO", buffer[4]))
                return;
            memmove(buffer, buffer + whole, held -= whole);
        }
        ssize_t got = recv(link, buffer + held, sizeof buffer - held, 0);
        if (got <= 0)
            die("recv");
        held += (size_t)got;
    }
}

static void play(void)
{
    int link = socket(AF_UNIX, SOCK_STREAM, 0);
    if (link < 0 || connect(link, (struct sockaddr *)&milter, sizeof milter))
        die("connect");
    for (size_t number = 0; number < event_count; number++) {
        const struct event *event = &events[number];
        for (size_t sent = 0; sent < event->length;) {
            ssize_t taken = send(link, event->bytes + sent, event->length - sent, MSG_NOSIGNAL);
            if (taken < 0)
                die("send");
            sent += (size_t)taken;
        }
        if (event->awaits == '?')
            await_reply(link);
    }
    close(link);
}

static void *play_many(void *unused)
{
    (void)unused;
    for (;;) {
        pthread_mutex_lock(&lock);
        long number = begun++;
        pthread_mutex_unlock(&lock);
        if (number >= sessions)
            return NULL;
        double started = now();
        play();
        times[number] = now() - started;
    }
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: client SOCKET-PATH SESSION-FILE SESSIONS PARALLEL\n");
        return 2;
    }
    strncpy(milter.sun_path, argv[1], sizeof milter.sun_path - 1);
    read_events(argv[2]);
    sessions = atol(argv[3]);
    long parallel = atol(argv[4]);
    times = calloc((size_t)sessions, sizeof *times);
    pthread_t *threads = calloc((size_t)parallel, sizeof *threads);
    double started = now();
    for (long number = 0; number < parallel; number++)
        if (pthread_create(&threads[number], NULL, play_many, NULL))
            die("pthread_create");
    for (long number = 0; number < parallel; number++)
        pthread_join(threads[number], NULL);
    printf("%.9f\n", now() - started);
    for (long number = 0; number < sessions; number++)
        printf("%.9f\n", times[number]);
    return 0;
}
