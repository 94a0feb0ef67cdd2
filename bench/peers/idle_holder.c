// idle_holder: opens many connections to a server on this machine and holds them, so that the
// memory of an idle connection can be measured. With `ask`, every connection first has one submit
// answered, and is idle afterwards.
//
//   gcc -O2 -o idle_holder idle_holder.c
//   ./idle_holder PORT [connections 8000] [ask]
//
// Prints `holding N` once all stand (and are answered), and closes them when its stdin ends.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int main(int argc, char **argv) {
  if (argc < 2) return fprintf(stderr, "usage: idle_holder PORT [connections] [ask]\n"), 2;
  int connections = argc > 2 ? atoi(argv[2]) : 8000;
  int asks = argc > 3 && !strcmp(argv[3], "ask");

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
  }
  for (int i = 0; asks && i < connections; i++)
    if (ask(fds[i])) return fprintf(stderr, "connection %d got a wrong answer or none\n", i), 1;
  printf("holding %d\n", connections);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {}
  return 0;
}
