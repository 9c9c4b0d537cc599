/* Reads an array over and over with some threads, each its own part: what memory gives. */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct part {
  const uint64_t *start;
  size_t words;
  int passes;
  uint64_t sum;
};

static void *read_part(void *argument) {
  struct part *part = argument;
  for (int pass = 0; pass < part->passes; pass++) {
    uint64_t sum = 0;
    for (size_t i = 0; i < part->words; i++) sum += part->start[i];
    part->sum += sum;
    __asm__ volatile("" ::: "memory"); /* the next pass reads again */
  }
  return NULL;
}

/* Returns passes times the sum of all words; at most 64 threads, which divide the words. */
uint64_t read_all(const uint64_t *words, size_t n, int passes, int threads) {
  pthread_t ids[64];
  struct part parts[64];
  uint64_t sum = 0;
  size_t each = n / threads;
  for (int i = 0; i < threads; i++) {
    parts[i] = (struct part){words + i * each, each, passes, 0};
    pthread_create(&ids[i], NULL, read_part, &parts[i]);
  }
  for (int i = 0; i < threads; i++) {
    pthread_join(ids[i], NULL);
    sum += parts[i].sum;
  }
  return sum;
}
