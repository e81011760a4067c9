// Drives /dev/snapshot by words, and prints what each answers: docs/findings.md has lines for it.
//
//     cc -static -o snapshot snapshot.c
//     ./snapshot r FREEZE CREATE read:4096 FREE UNFREEZE
//
// r or w opens the device for reading or writing. FREEZE UNFREEZE FREE CREATE RESTORE POWER_OFF are
// ioctls (include/uapi/linux/suspend_ioctls.h), SIZE is AVAIL_SWAP_SIZE, ALLOC is ALLOC_SWAP_PAGE,
// ALLOC:bad the same with a pointer that leads nowhere. read:N reads N bytes. save:FILE reads all
// of an image into a file; load:FILE writes all of it to the device, load:FILE:N all but N pages,
// rest one page more. state:PID is the letter of a process in /proc, sh:COMMAND runs something.
// An image goes to a tmpfs: FREEZE stops whoever writes to a disk.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char page[4096];

static const struct { const char *word; unsigned long number; } ioctls[] = {
	{"FREEZE", 0x3301}, {"UNFREEZE", 0x3302}, {"RESTORE", 0x3304}, {"FREE", 0x3305},
	{"POWER_OFF", 0x3310}, {"CREATE", 0x40043311}, {"SIZE", 0x80083313}, {"ALLOC", 0x80083314},
};

static long copy(int from, int to, long pages)
{
	long done = 0, got;

	while (done < pages && (got = read(from, page, sizeof page)) > 0) {
		if (write(to, page, got) != got)
			return -1;
		done++;
	}
	return done;
}

static long load(int device, char *name)
{
	char *but = strchr(name, ':');
	long pages, answer;
	int file;

	if (but)
		*but++ = 0;
	file = open(name, O_RDONLY);
	pages = lseek(file, 0, SEEK_END) / (long)sizeof page - (but ? atol(but) : 0);
	lseek(file, 0, SEEK_SET);
	answer = copy(file, device, pages);
	close(file);
	return answer;
}

static long save(int device, const char *name)
{
	int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	long answer = copy(device, file, 1L << 40);

	close(file);
	return answer;
}

static void state(const char *pid)
{
	char path[64], letter = '?';
	FILE *stat;

	snprintf(path, sizeof path, "/proc/%s/stat", pid);
	stat = fopen(path, "r");
	if (stat && fscanf(stat, "%*d (%*[^)]) %c", &letter) == 1)
		fclose(stat);
	printf("%c\n", letter);
}

static long step(int device, char *word)
{
	char *value = strchr(word, ':');
	long long number = 0;
	size_t i;

	if (value)
		*value++ = 0;
	if (!strcmp(word, "read"))
		return read(device, page, atol(value));
	if (!strcmp(word, "rest"))
		return write(device, page, sizeof page);
	if (!strcmp(word, "save"))
		return save(device, value);
	if (!strcmp(word, "load"))
		return load(device, value);
	if (!strcmp(word, "sh"))
		return WEXITSTATUS(system(value));
	for (i = 0; i < sizeof ioctls / sizeof *ioctls; i++)
		if (!strcmp(word, ioctls[i].word)) {
			long answer = ioctl(device, ioctls[i].number, value ? (void *)1 : &number);

			return answer ? answer : number;
		}
	fprintf(stderr, "%s is none of the words\n", word);
	exit(2);
}

int main(int argc, char **argv)
{
	int device, i;

	setvbuf(stdout, NULL, _IONBF, 0);
	device = open("/dev/snapshot", argc > 1 && *argv[1] == 'r' ? O_RDONLY : O_WRONLY);
	if (argc < 3 || device < 0) {
		perror(argc < 3 ? "r|w WORD..." : "/dev/snapshot");
		return 1;
	}
	for (i = 2; i < argc; i++) {
		long answer;

		printf("%s ", argv[i]);
		if (!strncmp(argv[i], "state:", 6)) {
			state(argv[i] + 6);
			continue;
		}
		errno = 0;
		answer = step(device, argv[i]);
		if (answer < 0)
			printf("%s\n", strerror(errno));
		else
			printf("%ld\n", answer);
	}
	return 0;
}
