/* SPDX-License-Identifier: BSD-3-Clause */
#include "library.h"

#include <dlfcn.h>
#include <errno.h>

#include "log.h"

/* Called by name in a copy of its own. */
typedef IMB_MGR *manager_alloc(uint64_t flags);
typedef void manager_init(IMB_MGR *manager, IMB_ARCH *arch);
typedef void manager_free(IMB_MGR *manager);

static int
manager_check(IMB_MGR *manager, IMB_ARCH arch, struct error *err)
{
	const uint64_t tested = IMB_FEATURE_SELF_TEST | IMB_FEATURE_SELF_TEST_PASS;

	if (arch == IMB_ARCH_NONE || arch == IMB_ARCH_NOAESNI)
		return error_set(err, -ENOTSUP,
			"crypto engine \"ipsec-mb\": this CPU has no AES-NI and PCLMULQDQ");
	if (imb_get_errno(manager) != 0)
		return error_set(err, -EIO, "crypto engine \"ipsec-mb\": the library says: %s",
			imb_get_strerror(imb_get_errno(manager)));
	if ((manager->features & tested) == IMB_FEATURE_SELF_TEST)
		return error_set(
			err, -EIO, "crypto engine \"ipsec-mb\": the library failed its self-test");
	return 0;
}

/* The functions are looked up in the copy: by their names alone they would be the program's. */
static IMB_MGR *
manager_make(void *copy, IMB_ARCH *arch)
{
	manager_alloc *alloc = alloc_mb_mgr;
	manager_init *init = init_mb_mgr_auto;
	IMB_MGR *manager;

	if (copy != NULL) {
		alloc = (manager_alloc *)dlsym(copy, "alloc_mb_mgr");
		init = (manager_init *)dlsym(copy, "init_mb_mgr_auto");
	}
	if (alloc == NULL || init == NULL)
		return NULL;
	manager = alloc(0);
	if (manager != NULL)
		init(manager, arch);
	return manager;
}

static void
manager_drop(void *copy, IMB_MGR *manager)
{
	manager_free *release = free_mb_mgr;

	if (copy != NULL)
		release = (manager_free *)dlsym(copy, "free_mb_mgr");
	release(manager);
}

/* The same file once more, in a namespace of its own: glibc has room for about ten. */
static void *
copy_open(void)
{
	Dl_info linked;
	void *copy = NULL;

	if (dladdr((void *)(uintptr_t)alloc_mb_mgr, &linked) != 0)
		copy = dlmopen(LM_ID_NEWLM, linked.dli_fname, RTLD_NOW | RTLD_LOCAL);
	if (copy == NULL)
		log_info(crypto,
			"engine \"ipsec-mb\": no further copy of the library; workers share one");
	return copy;
}

int
library_open(struct library *library, bool own, struct error *err)
{
	IMB_ARCH arch = IMB_ARCH_NONE;
	int rc;

	if (imb_get_version() < IMB_VERSION_NUM)
		return error_set(err, -ENOTSUP,
			"crypto engine \"ipsec-mb\": libipsec-mb is version %s here, %s or newer "
			"is needed",
			imb_get_version_str(), IMB_VERSION_STR);
	*library = (struct library){.handle = own ? copy_open() : NULL};
	library->manager = manager_make(library->handle, &arch);
	if (library->manager == NULL) {
		rc = error_set(err, -ENOMEM, "crypto engine \"ipsec-mb\": no memory");
		goto close;
	}
	rc = manager_check(library->manager, arch, err);
	if (rc != 0)
		goto free;
	return 0;
free:
	manager_drop(library->handle, library->manager);
close:
	if (library->handle != NULL)
		dlclose(library->handle);
	return rc;
}

void
library_close(struct library *library)
{
	manager_drop(library->handle, library->manager);
	if (library->handle != NULL)
		dlclose(library->handle);
}

#define CALLS_OF(bits)                                                                             \
	do {                                                                                       \
		enum crypto_algorithm_id id = CRYPTO_AES_##bits##_GCM;                             \
                                                                                                   \
		calls->whole[id][CRYPTO_ENCRYPT] = m->gcm##bits##_enc;                             \
		calls->whole[id][CRYPTO_DECRYPT] = m->gcm##bits##_dec;                             \
		calls->expand[id] = m->gcm##bits##_pre;                                            \
		calls->init[id] = m->gcm##bits##_init;                                             \
		calls->update[id][CRYPTO_ENCRYPT] = m->gcm##bits##_enc_update;                     \
		calls->update[id][CRYPTO_DECRYPT] = m->gcm##bits##_dec_update;                     \
		calls->finalize[id][CRYPTO_ENCRYPT] = m->gcm##bits##_enc_finalize;                 \
		calls->finalize[id][CRYPTO_DECRYPT] = m->gcm##bits##_dec_finalize;                 \
	} while (0)

void
library_calls(const struct library *library, struct gcm_calls *calls)
{
	const IMB_MGR *m = library->manager;

	CALLS_OF(128);
	CALLS_OF(192);
	CALLS_OF(256);
}
