/* SPDX-License-Identifier: BSD-3-Clause */

/* One filter program, made of a list of system calls. */

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tcpmill/rights.h"

/* LeakSanitizer traces the process at its end, others start programs that name addresses. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
	__has_feature(memory_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

/* Never needed, once the start is over. */
static const int denied[] = {
	/* programs and other processes */
	SYS_execve,
	SYS_execveat,
	SYS_fork,
	SYS_vfork,
	SYS_kill,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_pidfd_open,
	SYS_pidfd_send_signal,
	/* the network, and what could do it, or write, unseen by a filter */
	SYS_socket,
	SYS_socketpair,
	SYS_connect,
	SYS_bind,
	SYS_listen,
	SYS_accept,
	SYS_accept4,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	/* what files are, and who may have them */
	SYS_chmod,
	SYS_fchmod,
	SYS_fchmodat,
	SYS_chown,
	SYS_fchown,
	SYS_lchown,
	SYS_fchownat,
	SYS_setxattr,
	SYS_lsetxattr,
	SYS_fsetxattr,
	SYS_mknod,
	SYS_mknodat,
	SYS_open_by_handle_at,
	/* mounts and namespaces */
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_move_mount,
	SYS_open_tree,
	SYS_fsopen,
	SYS_fsmount,
	SYS_unshare,
	SYS_setns,
	/* the kernel and the machine */
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_kexec_file_load,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_add_key,
	SYS_request_key,
	SYS_keyctl,
	SYS_swapon,
	SYS_swapoff,
	SYS_reboot,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_iopl,
	SYS_ioperm,
	/* other users */
	SYS_setuid,
	SYS_setgid,
	SYS_setreuid,
	SYS_setregid,
	SYS_setresuid,
	SYS_setresgid,
	SYS_setgroups,
	SYS_capset,
};

/* Denied, too, when no further file is to be made. openat2() has its flags in memory. */
static const int denied_files[] = {
	SYS_creat,    SYS_openat2, SYS_truncate, SYS_link,  SYS_linkat,  SYS_unlink,
	SYS_unlinkat, SYS_mkdir,   SYS_mkdirat,  SYS_rmdir, SYS_symlink, SYS_symlinkat,
};

#define NB(list) (sizeof(list) / sizeof((list)[0]))
#define MAX_PROGRAM (2 * (NB(denied) + NB(denied_files)) + 32)

struct program {
	struct sock_filter code[MAX_PROGRAM];
	unsigned short len;
};

static void put(struct program *program, int code, unsigned int k, int if_true, int if_false)
{
	program->code[program->len++] = (struct sock_filter){
		.code = (unsigned short)code,
		.jt = (unsigned char)if_true,
		.jf = (unsigned char)if_false,
		.k = k,
	};
}

static void put_load(struct program *program, size_t offset)
{
	put(program, BPF_LD | BPF_W | BPF_ABS, (unsigned int)offset, 0, 0);
}

static void put_deny(struct program *program)
{
	put(program, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
}

static void deny(struct program *program, const int *list, size_t nb)
{
	for (size_t i = 0; i < nb; i++) {
		put(program, BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)list[i], 0, 1);
		put_deny(program);
	}
}

/* Denies a call whose argument has one of these bits, or all of them. */
static void deny_argument(struct program *program, int call, int argument, int test,
			  unsigned int bits)
{
	put(program, BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)call, 0, 4);
	put_load(program, offsetof(struct seccomp_data, args) + 8 * (size_t)argument);
	put(program, BPF_JMP | test | BPF_K, bits, 0, 1);
	put_deny(program);
	put_load(program, offsetof(struct seccomp_data, nr));
}

/* Another machine's calls have other numbers; x32 is that of this one with a bit more. */
static void deny_others(struct program *program)
{
	put_load(program, offsetof(struct seccomp_data, arch));
	put(program, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	put_deny(program);
	put_load(program, offsetof(struct seccomp_data, nr));
	put(program, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
	put_deny(program);
}

static void make_program(struct program *program, enum rights rights)
{
	const unsigned int writes = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;

	program->len = 0;
	deny_others(program);
	deny(program, denied, NB(denied));
	/* Typing into the terminal that we share with a shell. */
	deny_argument(program, SYS_ioctl, 1, BPF_JEQ, TIOCSTI);
	if (rights == RIGHTS_READ) {
		deny(program, denied_files, NB(denied_files));
		deny_argument(program, SYS_open, 1, BPF_JSET, writes);
		deny_argument(program, SYS_openat, 2, BPF_JSET, writes);
	}
	put(program, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

bool rights_keep_only(enum rights rights)
{
	struct program program;
	struct sock_fprog filter = {.filter = program.code};

	if (HAS_SANITIZER || rights == RIGHTS_ALL)
		return false;
	make_program(&program, rights);
	filter.len = program.len;
	/* Without SPEC_ALLOW older kernels slow down every branch of a process with a filter. */
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		       SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter) == 0;
}
