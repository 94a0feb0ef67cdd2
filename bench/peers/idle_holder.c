// idle_holder: opens many connections to a server on this machine and holds them, so that the
// memory of an idle connection can be measured. With `ask`, every connection first has one submit
// answered, and is idle afterwards. With `hello`, every one says hello, and answers pings from then on.
//
//   gcc -O2 -o idle_holder idle_holder.c
//   ./idle_holder PORT [connections 8000] [ask|hello]
//
// Prints `holding N` once all stand (and are answered), and closes them when its stdin ends. With
// `hello` it prints `answered N` then, the number of pings, and fails if a connection was closed before.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static const char request[] = "\0\0\0\x2d\x02" "00000001" "thirty-two bytes of payload here";
enum { REQUEST_BYTES = sizeof request - 1, ACK_BYTES = 14 };

static int ask(int fd) {
  char ack[ACK_BYTES];
  if (send(fd, request, REQUEST_BYTES, MSG_NOSIGNAL) != REQUEST_BYTES) return -1;
  if (recv(fd, ack, ACK_BYTES, MSG_WAITALL) != ACK_BYTES) return -1;
  return memcmp(ack, "\0\0\0\x0e\x82" "00000001\0", ACK_BYTES) ? -1 : 0;
}

// What a client of the library says, but for what its codec would have to seal.
static const char conn[] = "\x01" "00000000"
  "{\"version\":1,\"features\":[\"request\",\"ping\",\"push\",\"drain\",\"credit\"],\"agent\":\"idle_holder\"}";
enum { CONN_BYTES = 4 + sizeof conn - 1, HEADER_BYTES = 13, MOST_BYTES = 8192 };

static int receive(int fd, unsigned char *frame) {
  if (recv(fd, frame, HEADER_BYTES, MSG_WAITALL) != HEADER_BYTES) return -1;
  unsigned total = (unsigned)frame[0] << 24 | frame[1] << 16 | frame[2] << 8 | frame[3];
  if (total < HEADER_BYTES || total > MOST_BYTES) return -1;
  int rest = total - HEADER_BYTES;
  return rest && recv(fd, frame + HEADER_BYTES, rest, MSG_WAITALL) != rest ? -1 : (int)total;
}

static int greet(int fd) {
  unsigned char frame[MOST_BYTES] = {0, 0, 0, CONN_BYTES};
  memcpy(frame + 4, conn, sizeof conn - 1);
  if (send(fd, frame, CONN_BYTES, MSG_NOSIGNAL) != CONN_BYTES) return -1;
  return receive(fd, frame) > HEADER_BYTES + 1 && frame[4] == 0x81 && frame[13] == 0 ? 0 : -1;
}

// Answers pings until stdin ends; returns how many, or -1 when a connection ended or said anything else.
static long answer(int *fds, int connections) {
  int poll = epoll_create1(0);
  for (int i = -1; i < connections; i++) {
    struct epoll_event in = {.events = EPOLLIN, .data.fd = i < 0 ? 0 : fds[i]};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, in.data.fd, &in)) return perror("epoll_ctl"), -1;
  }
  long pings = 0;
  for (;;) {
    struct epoll_event ready[256];
    int count = epoll_wait(poll, ready, 256, -1);
    if (count < 0 && errno != EINTR) return perror("epoll_wait"), -1;
    for (int i = 0; i < count; i++) {
      int fd = ready[i].data.fd;
      unsigned char frame[MOST_BYTES];
      if (fd == 0) {
        if (read(0, frame, 1) <= 0) return pings;
        continue;
      }
      int length = receive(fd, frame);
      if (length < 0 || frame[4] != 0x05) {
        fprintf(stderr, length < 0 ? "a connection was closed\n" : "a frame came that is no ping\n");
        return -1;
      }
      frame[4] = 0x85;
      if (send(fd, frame, length, MSG_NOSIGNAL) != length) return perror("send"), -1;
      pings++;
    }
  }
}

int main(int argc, char **argv) {
  if (argc < 2) return fprintf(stderr, "usage: idle_holder PORT [connections] [ask|hello]\n"), 2;
  int connections = argc > 2 ? atoi(argv[2]) : 8000;
  int asks = argc > 3 && !strcmp(argv[3], "ask");
  int greets = argc > 3 && !strcmp(argv[3], "hello");

  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < (rlim_t)connections + 16) {
    fprintf(stderr, "%d connections need more open files than the limit of %lu (ulimit -Hn)\n", connections, (unsigned long)files.rlim_cur);
    return 2;
  }

  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int *fds = calloc(connections, sizeof *fds);
  for (int i = 0; i < connections; i++) {
    fds[i] = socket(AF_INET, SOCK_STREAM, 0);
    if (fds[i] < 0 || connect(fds[i], (void *)&to, sizeof to)) return perror("connect"), 1;
    if (greets && greet(fds[i])) return fprintf(stderr, "connection %d was not welcomed\n", i), 1;
  }
  for (int i = 0; asks && i < connections; i++)
    if (ask(fds[i])) return fprintf(stderr, "connection %d got a wrong answer or none\n", i), 1;
  printf("holding %d\n", connections);
  fflush(stdout);
  if (greets) {
    long pings = answer(fds, connections);
    if (pings < 0) return 1;
    printf("answered %ld\n", pings);
    return 0;
  }
  char byte;
  while (read(0, &byte, 1) > 0) {}
  return 0;
}
