/* Calls that few programs make, each as a program would, so that two records of them can be compared. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static char space[8192];
static const struct timespec moment = {0, 1000000};

static void files(void)
{
	struct open_how how = {.flags = O_RDWR | O_CREAT | O_CLOEXEC, .mode = 0640};
	struct iovec two[] = {{"one ", 4}, {"two\n", 4}};
	struct statx status;
	struct statfs volume;
	struct stat plain;
	int fd = syscall(SYS_openat2, AT_FDCWD, "rare.txt", &how, sizeof(how)), other, folder, i;
	loff_t from = 0, to = 100;

	pwritev2(fd, two, 2, 0, 0);
	preadv2(fd, two + 1, 0, 0, RWF_HIPRI);
	pwrite(fd, "more", 4, 8);
	readv(fd, (struct iovec[]){{space, 3}, {space + 100, 50}}, 2);
	statx(AT_FDCWD, "rare.txt", AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status);
	statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &status);
	fstatfs(fd, &volume);
	statfs("/proc", &volume);
	fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4096);
	ftruncate(fd, 10);
	flock(fd, LOCK_SH);
	fcntl(fd, F_SETLK, &(struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 5});
	fcntl(fd, F_OFD_SETLK, &(struct flock){.l_type = F_RDLCK, .l_whence = SEEK_SET});
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	readahead(fd, 0, 100);
	sync_file_range(fd, 0, 10, SYNC_FILE_RANGE_WRITE);
	fdatasync(fd);
	setxattr("rare.txt", "user.colour", "blue", 4, XATTR_CREATE);
	fsetxattr(fd, "user.size", "3", 1, 0);
	getxattr("rare.txt", "user.colour", space, 100);
	listxattr("rare.txt", space, 100);
	removexattr("rare.txt", "user.colour");
	other = dup3(fd, 50, O_CLOEXEC);
	i = fcntl(fd, F_DUPFD_CLOEXEC, 60);
	lseek(other, 0, SEEK_END);
	lseek(other, -3, SEEK_CUR);
	copy_file_range(fd, &from, other, &to, 5, 0);
	sendfile(other, fd, &from, 5);
	renameat2(AT_FDCWD, "rare.txt", AT_FDCWD, "moved.txt", RENAME_NOREPLACE);
	linkat(AT_FDCWD, "moved.txt", AT_FDCWD, "link.txt", 0);
	symlinkat("no/where", AT_FDCWD, "dangling");
	readlinkat(AT_FDCWD, "dangling", space, 100);
	syscall(SYS_faccessat2, AT_FDCWD, "moved.txt", R_OK | W_OK, AT_EACCESS);
	fchmodat(AT_FDCWD, "moved.txt", 0600, 0);
	fchownat(AT_FDCWD, "dangling", 0, 0, AT_SYMLINK_NOFOLLOW);
	utimensat(AT_FDCWD, "moved.txt", (struct timespec[]){{0, UTIME_NOW}, {0, UTIME_OMIT}}, 0);
	mkdir("folder", 0755);
	folder = open("folder", O_PATH | O_DIRECTORY);
	other = openat(folder, "inside", O_WRONLY | O_CREAT | O_EXCL, 0644);
	mknodat(folder, "fifo", S_IFIFO | 0600, 0);
	fstatat(folder, "inside", &plain, 0);
	fchdir(folder);
	open("inside", O_RDONLY | O_NOATIME);
	open("../moved.txt", O_RDONLY | O_NONBLOCK);
	unlinkat(folder, "inside", 0);
	unlinkat(folder, "fifo", 0);
	chdir("..");
	unlinkat(AT_FDCWD, "folder", AT_REMOVEDIR);
	open("/nonexistent/\xff\"\n", O_RDONLY);
	write(open(".", O_TMPFILE | O_RDWR, 0600), "unnamed", 7);
	open((char *)8, O_RDONLY);
	close(i);
	syscall(SYS_close_range, 40, 70, 0);
	syscall(SYS_close_range, 3, 100, 4 /* CLOSE_RANGE_CLOEXEC */);
}

static void descriptors(void)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = 7};
	struct pollfd polled = {.fd = 0, .events = POLLIN | POLLPRI};
	sigset_t set;
	fd_set fds;
	int queue = epoll_create1(EPOLL_CLOEXEC), counter = eventfd(3, EFD_NONBLOCK | EFD_SEMAPHORE), ends[2], pair[2];
	int clock = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), signals, watch, memory, one;
	struct itimerspec when = {.it_value = {1, 0}};

	epoll_ctl(queue, EPOLL_CTL_ADD, counter, &event);
	epoll_wait(queue, &event, 1, 1);
	epoll_ctl(queue, EPOLL_CTL_DEL, counter, 0);
	timerfd_settime(clock, TFD_TIMER_ABSTIME, &when, 0);
	timerfd_gettime(clock, &when);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, 0);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	raise(SIGUSR1);
	read(signals, space, 128);
	watch = inotify_init1(IN_CLOEXEC);
	one = inotify_add_watch(watch, ".", IN_CREATE | IN_ONLYDIR);
	inotify_rm_watch(watch, one);
	memory = memfd_create("a name", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ftruncate(memory, 100);
	fcntl(memory, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL);
	fcntl(memory, F_GET_SEALS);
	close(syscall(SYS_userfaultfd, O_CLOEXEC));
	one = syscall(SYS_pidfd_open, getpid(), 0);
	syscall(SYS_pidfd_send_signal, one, 0, 0, 0);
	close(syscall(SYS_pidfd_getfd, one, memory, 0));
	close(one);
	close(syscall(SYS_io_uring_setup, 4, memset(space, 0, 200)));
	close(fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY));
	pipe2(ends, O_CLOEXEC | O_NONBLOCK);
	write(ends[1], "through", 7);
	tee(ends[0], ends[1], 3, SPLICE_F_NONBLOCK);
	vmsplice(ends[1], &(struct iovec){"x", 1}, 1, 0);
	splice(ends[0], 0, memory, 0, 4, SPLICE_F_MOVE);
	fcntl(ends[0], F_SETPIPE_SZ, 8192);
	read(ends[0], space, 5);
	socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
	write(pair[0], "packet", 6);
	read(pair[1], space, 100);
	poll(&polled, 1, 0);
	ppoll(&polled, 1, &moment, 0);
	FD_ZERO(&fds);
	FD_SET(ends[0], &fds);
	select(ends[0] + 1, &fds, 0, 0, &(struct timeval){0, 100});
	close(ends[0]);
	close(ends[1]);
	close(pair[1]);
	dup2(pair[0], 80);
	close(80);
}

static void send_descriptor(int to, int fd)
{
	char room[CMSG_SPACE(sizeof(int))] = {};
	struct iovec one = {"fd", 2};
	struct msghdr message = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	struct cmsghdr *control = CMSG_FIRSTHDR(&message);

	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(control), &fd, sizeof(fd));
	sendmsg(to, &message, MSG_NOSIGNAL);
}

static void sockets(void)
{
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP), tcp = socket(AF_INET6, SOCK_STREAM, 0), pair[2];
	int on = 1, local = socket(AF_UNIX, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0), got;
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un path = {AF_UNIX, "rare.sock"};
	struct iovec first = {"first", 5}, second = {"second", 6}, in[2] = {{space, 50}, {space + 50, 50}};
	struct mmsghdr messages[2] = {{{&here, sizeof(here), &first, 1}}, {{&here, sizeof(here), &second, 1}}};
	char room[100];
	struct msghdr message = {.msg_iov = in, .msg_iovlen = 2, .msg_control = room, .msg_controllen = sizeof(room)};
	socklen_t size = sizeof(here);

	setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(tcp, IPPROTO_TCP, 1, &on, sizeof(on));
	getsockopt(tcp, SOL_SOCKET, SO_TYPE, &on, &(socklen_t){4});
	bind(tcp, (void *)&(struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback}, sizeof(struct sockaddr_in6));
	listen(tcp, 5);
	bind(udp, (void *)&here, sizeof(here));
	getsockname(udp, (void *)&here, &size);
	sendmmsg(client, messages, 2, MSG_DONTWAIT);
	messages[0].msg_hdr.msg_iov = in;
	messages[1].msg_hdr.msg_iov = in + 1;
	recvmmsg(udp, messages, 2, MSG_DONTWAIT, 0);
	getsockname(udp, (void *)&here, &size);
	sendto(client, "third", 5, 0, (void *)&here, sizeof(here));
	recvfrom(udp, space, 100, MSG_DONTWAIT, (void *)&here, &size);
	shutdown(udp, SHUT_RD);
	bind(local, (void *)&path, sizeof(path));
	connect(client, (void *)&(struct sockaddr){AF_UNSPEC}, sizeof(struct sockaddr));
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	send_descriptor(pair[0], local);
	recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	memcpy(&got, CMSG_DATA((struct cmsghdr *)room), sizeof(got));
	fcntl(got, F_GETFD);
	close(got);
	send(pair[0], "bytes", 5, MSG_OOB | MSG_DONTWAIT);
	socket(AF_NETLINK, SOCK_RAW, 0);
	socket(AF_PACKET, SOCK_RAW, 0);
	unlink("rare.sock");
}

static void memory(void)
{
	char *area = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	unsigned char resident[16];

	madvise(area, 8192, MADV_DONTNEED);
	mprotect(area, 4096, PROT_READ);
	mlock(area, 4096);
	munlock(area, 4096);
	mincore(area, 65536, resident);
	msync(area, 4096, MS_SYNC | MS_INVALIDATE);
	area = mremap(area, 65536, 131072, MREMAP_MAYMOVE);
	munmap(area, 131072);
	shmdt(shmat(segment, 0, SHM_RDONLY));
	shmctl(segment, IPC_RMID, 0);
	getrandom(space, 16, GRND_NONBLOCK);
	syscall(SYS_membarrier, 0, 0, 0);
}

static void processes(void)
{
	struct rlimit limit;
	struct rusage usage;
	struct timespec now;
	cpu_set_t cpus;
	siginfo_t info;
	timer_t timer;
	pid_t child;

	prctl(PR_SET_NAME, "rare \"comm\"");
	prctl(PR_GET_DUMPABLE);
	syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit);
	getrusage(RUSAGE_CHILDREN, &usage);
	getpriority(PRIO_PROCESS, 0);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	sched_yield();
	syscall(SYS_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &now);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, 0);
	timer_create(CLOCK_REALTIME, &(struct sigevent){.sigev_notify = SIGEV_NONE}, &timer);
	timer_delete(timer);
	setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {5, 0}}, 0);
	setitimer(ITIMER_REAL, &(struct itimerval){}, 0);
	getresuid((uid_t *)space, (uid_t *)space + 1, (uid_t *)space + 2);
	umask(022);
	kill(getpid(), 0);
	child = fork();
	if (!child) {
		syscall(SYS_unshare, CLONE_FILES);
		setsid();
		_exit(3);
	}
	waitid(P_PID, child, &info, WEXITED | WNOWAIT);
	waitpid(child, 0, WUNTRACED);
	waitpid(-1, 0, WNOHANG);
	syscall(SYS_gettid);
	syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
	syscall(SYS_getcpu, space, 0, 0);
	syscall(SYS_rseq, 8, 0, 0, 0);
	syscall(SYS_kcmp, getpid(), getpid(), 2, 0, 0);
	syscall(SYS_ioprio_get, 1, 0);
	mount("none", "/nonexistent", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m");
	syscall(SYS_fsopen, "nothing", 0);
}

int main(void)
{
	files();
	descriptors();
	sockets();
	memory();
	processes();
	return 0;
}
