# ocipipe's errands. Plain `make` lists them.
#
# Every target works on a fresh Debian with root, make and Python: it installs what it misses, system packages with
# apt-get and Python packages into .venv, and a second run finds all in place and installs nothing, so it needs no
# network.

SHELL := /bin/sh
.SHELLFLAGS := -euc
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

PREFIX = /usr/local
DESTDIR =
PYTHON = python3
SYSTEM_PACKAGES = yes
BENCH = all
ARGS =
# Two tests wait for the kernel and for other programs at the same time; more of them wait for one another.
# File by file in their order, which ends with the many short ones of tests/unit: neither waits for the other at the end.
JOBS = 2

export PATH := $(PATH):/usr/sbin:/sbin
unexport PYTHONHOME PYTHONPATH PYTHONSTARTUP VIRTUAL_ENV MAKELEVEL MAKEFLAGS

VENV := .venv/bin/python
COMMANDS := $(wildcard tools/cmd/*.py)

.PHONY: help demo test smoke check bench man install uninstall clean root force

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
	echo
	echo "  make install and make uninstall take PREFIX=$(PREFIX), DESTDIR= and SYSTEM_PACKAGES=yes|no;"
	echo "  make test and make smoke take ARGS, for pytest, make test JOBS; make bench takes BENCH, a part's name (startup, pull, …)."

demo: root .venv/run .venv/commands ## the main job, step by step, against a registry on this machine
	@$(call need,$(RUNTIMES) $(DEMO))
	exec tests/demo/demo.sh

test: root .venv/dev .venv/commands ## the whole test suite
	@$(call need,$(RUNTIMES) $(DEMO) $(PEERS) $(TESTS))
	exec $(VENV) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS) tests

# Any machine may be a slow one: an emulated processor takes ten times as long.
smoke: root .venv/dev .venv/commands ## the few tests that any machine must pass
	@$(call need,$(RUNTIMES) $(DEMO))
	exec $(VENV) -m pytest -m smoke --timeout 1800 $(ARGS) tests/system

check: .venv/dev .venv/commands ## style, types, import rules, manual pages, schemas
	@$(VENV) -m ruff check .
	$(VENV) -m mypy
	$(VENV) -m ocipipe.cli.man --check --readme README.md man
	$(call need,man=man-db zsh fish)
	exec $(VENV) -m pytest -q tests/arch tests/unit/oci_spec/test_validate.py

bench: root .venv/dev .venv/commands ## our speed beside podman, skopeo and docker
	@$(call need,$(RUNTIMES) $(DEMO) $(PEERS) $(BENCHED))
	exec $(VENV) tests/bench/bench.py $(BENCH)

man: .venv/run ## manual pages, the README's table and the entry points, from the declarations
	@$(VENV) -m ocipipe.cli.man --readme README.md man
	$(VENV) -m ocipipe.cli.scripts --pyproject pyproject.toml

clean: ## remove everything that the other targets made here
	@rm -rf .venv .cache build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis ./*.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

root:
	@[ "$$(id -u)" = 0 ] || { echo "make $(MAKECMDGOALS): needs root, it mounts and runs containers (sudo make $(MAKECMDGOALS))" >&2; exit 1; }

# System packages: PROGRAM, or PROGRAM=PACKAGE where Debian's package has another name.

RUNTIMES := crun runc conmon
DEMO := docker-registry busybox=busybox-static jq nft=nftables
PEERS := skopeo podman umoci buildah docker-compose
NETWORKS := ip=iproute2 nft=nftables iptables /usr/lib/podman/aardvark-dns=aardvark-dns \
	/usr/lib/cni/macvlan=containernetworking-plugins
TESTS := apparmor_parser=apparmor criu debootstrap git strace tini openssl htpasswd=apache2-utils man=man-db zsh fish $(NETWORKS)
BENCHED := dockerd=docker.io debootstrap strace

# $(call need,PART …): has all these programs here, or installs them on Debian and its kin, or names them.
# We want the programs, not their services: a registry or a daemon that a package would start is not started, and what
# it enabled for the next boot is disabled again.
define need
	missing=
	for part in $(1); do
		command -v "$${part%%=*}" >/dev/null 2>&1 || missing="$$missing $${part#*=}"
	done
	if [ -n "$$missing" ]; then $(apt); fi
endef
define apt
(
	command -v apt-get >/dev/null || { echo "make: this machine has no apt-get; install these by hand: $$missing" >&2; exit 1; }
	[ "$$(id -u)" = 0 ] || { echo "make: needs root to install these: $$missing" >&2; exit 1; }
	echo "installing: $$missing" >&2
	log=$$(mktemp)
	policy=/usr/sbin/policy-rc.d
	if [ -e $$policy ]; then trap 'rm -f $$log' EXIT; else
		trap 'rm -f $$log /usr/sbin/policy-rc.d' EXIT
		printf '#!/bin/sh\nexit 101\n' >$$policy
		chmod 755 $$policy
	fi
	units() { systemctl list-unit-files --state=enabled --no-legend 2>/dev/null | sed 's/ .*//' || true; }
	before=" $$(echo $$(units)) "
	export DEBIAN_FRONTEND=noninteractive
	apt="apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends"
	$$apt update >$$log 2>&1 || echo "some package lists are old" >>$$log
	$$apt install $$missing >>$$log 2>&1 || { cat $$log >&2; exit 1; }
	for unit in $$(units); do
		case "$$before" in *" $$unit "*) ;; *) systemctl --quiet disable "$$unit" >/dev/null 2>&1 || true ;; esac
	done
)
endef

# The development environment. ocipipe and oci_spec are links in it: an editable install would put a finder into every
# start of the interpreter.

# python3 may be a version manager's shim or another environment's: this prints what is behind it.
INTERPRETER := import os, sys; assert sys.version_info >= (3, 11); \
	print(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
# $(call requirements,GROUP …): what pyproject.toml asks for, one a line.
REQUIREMENTS := import sys, tomllib; tree = tomllib.load(open("pyproject.toml", "rb")); project = tree["project"]; \
	extra = tree["build-system"]["requires"] + project["optional-dependencies"]["dev"] if sys.argv[1:] else []; \
	print("\n".join(project["dependencies"] + extra))

ifneq ($(shell cat .venv/place 2>/dev/null),$(CURDIR))
.venv/place: force
endif

.venv/place:
	@python=$$($(PYTHON) -c '$(INTERPRETER)' 2>/dev/null) || { echo "make: $(PYTHON) is no Python 3.11 or later (name one with PYTHON=)" >&2; exit 1; }
	"$$python" -c 'import ensurepip, venv' 2>/dev/null || { missing=python3-venv; $(apt); }
	$(VENV) -m pip --version >/dev/null 2>&1 || "$$python" -m venv --clear .venv
	site=$$($(VENV) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
	ln -sfn ../../../../tools "$$site/ocipipe"
	ln -sfn ../../../../oci_spec "$$site/oci_spec"
	printf '%s\n' '$(CURDIR)' >$@

.venv/run: .venv/place pyproject.toml
	@$(VENV) -c '$(REQUIREMENTS)' >.venv/requirements
	$(VENV) -m pip install --quiet --disable-pip-version-check -r .venv/requirements
	touch $@

.venv/dev: .venv/place pyproject.toml
	@$(VENV) -c '$(REQUIREMENTS)' dev >.venv/requirements
	$(VENV) -m pip install --quiet --disable-pip-version-check -r .venv/requirements
	touch .venv/run $@

.venv/commands: .venv/place $(COMMANDS) tools/cli/scripts.py
	@$(VENV) -m ocipipe.cli.scripts .venv/bin
	touch $@

# Installation: everything that belongs to it is listed in $(HOME_DIR)/installed, which is what `uninstall` removes.
# The environment is built aside and renamed into place, so an install that fails leaves the one before it whole.

HOME_DIR = $(PREFIX)/lib/ocipipe
COMPLETION := share/bash-completion/completions share/zsh/site-functions share/fish/vendor_completions.d
# The machine's own Python where it will do: a user's version manager is not readable, nor there, for everybody.
SYSTEM_PYTHON = $(shell for python in /usr/bin/python3 $(PYTHON); do \
	$$python -c '$(INTERPRETER)' 2>/dev/null && break; done)

install: ## commands, manual pages and completion under PREFIX
	@[ -n "$(SYSTEM_PYTHON)" ] || { echo "make install: needs Python 3.11 or later (name one with PYTHON=)" >&2; exit 1; }
	python="$(SYSTEM_PYTHON)"
	"$$python" -c 'import ensurepip, venv' 2>/dev/null || { missing=python3-venv; $(apt); }
	umask 022
	new="$(DESTDIR)$(PREFIX)/lib/.ocipipe.new"
	old="$(DESTDIR)$(PREFIX)/lib/.ocipipe.old"
	work=$$(mktemp -d)
	trap 'rm -rf "$$work" "$$new"' EXIT
	# Directories that this makes are noted: they go again with the last file in them.
	absent() { if [ "$$1" != / ] && [ ! -d "$(DESTDIR)$$1" ]; then echo "$$1/"; absent "$$(dirname "$$1")"; fi; }
	absent "$(PREFIX)/lib" >"$$work/directories"
	cp -R pyproject.toml README.md LICENSE oci_spec tools "$$work"
	rm -rf "$$new"
	"$$python" -m venv "$$new"
	"$$new/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile "$$work"
	"$$new/bin/python" -m pip uninstall --quiet --yes pip setuptools 2>/dev/null
	version=$$("$$new/bin/python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
	site="lib/$$version/site-packages"
	# Nothing may name where it was built: scripts of the environment and notes of pip do.
	find "$$new/bin" -mindepth 1 ! -name 'python*' -delete
	rm -f "$$new/$$site"/ocipipe-*.dist-info/direct_url.json
	sed -i '/^command = /d' "$$new/pyvenv.cfg"
	"$$new/bin/python" -m compileall -q -j 0 -s "$$new" -p "$(HOME_DIR)" "$$new/$$site" || true
	# What goes elsewhere is written below $$work first: what is found there is the list of what is installed.
	stage="$$work/stage$(PREFIX)"
	"$$new/bin/python" -I -m ocipipe.cli.scripts --python "$$python" --site "$(HOME_DIR)/$$site" "$$stage/bin"
	"$$new/bin/python" -I -m ocipipe.cli.completion "$$stage/share"
	mkdir -p "$$stage/share/man/man1"
	cp man/*.1 "$$stage/share/man/man1"
	chmod 644 "$$stage/share/man/man1"/*
	$(units)
	list="$(DESTDIR)$(HOME_DIR)/installed"
	(cd "$$work/stage" && find . -type f -o -type l) | sed 's/^\.//' | sort >"$$new/installed"
	for directory in bin share/man/man1 lib/systemd/system $(COMPLETION); do absent "$(PREFIX)/$$directory"; done >>"$$work/directories"
	sort -u "$$work/directories" >>"$$new/installed"
	if [ -f "$$list" ]; then
		grep '/$$' "$$list" >>"$$new/installed" || true
		grep -v '/$$' "$$list" | grep -v -x -F -f "$$new/installed" | while IFS= read -r file; do rm -f "$(DESTDIR)$$file"; done
	fi
	rm -rf "$$old"
	[ ! -d "$(DESTDIR)$(HOME_DIR)" ] || mv "$(DESTDIR)$(HOME_DIR)" "$$old"
	mv "$$new" "$(DESTDIR)$(HOME_DIR)"
	cp -R --remove-destination "$$stage/." "$(DESTDIR)$(PREFIX)/"
	rm -rf "$$old"
	echo "installed $$(ls "$$stage/bin" | wc -l) commands in $(PREFIX)/bin"
	if $(knows_units); then systemctl daemon-reload && systemctl --quiet enable $(RESTORE) $(SHUTDOWN) && systemctl start $(SHUTDOWN); fi
	$(system_parts)

uninstall: ## remove what make install put under PREFIX
	@list="$(DESTDIR)$(HOME_DIR)/installed"
	[ -f "$$list" ] || { echo "make uninstall: $(DESTDIR)$(HOME_DIR): nothing is installed there (name its PREFIX=)" >&2; exit 1; }
	if $(knows_units); then systemctl --quiet disable $(RESTORE) $(SHUTDOWN); fi
	grep -v '/$$' "$$list" | while IFS= read -r file; do rm -f "$(DESTDIR)$$file"; done
	grep '/$$' "$$list" >"$$list.directories" || true
	directories=$$(sort -r "$$list.directories")
	rm -rf "$(DESTDIR)$(HOME_DIR)"
	printf '%s\n' "$$directories" | while IFS= read -r directory; do
		[ -z "$$directory" ] || rmdir "$(DESTDIR)$$directory" 2>/dev/null || true
	done
	echo "removed ocipipe from $(PREFIX)"

# Where systemd is: what starts containers again after a reboot, and what has them end in time before it. They are
# enabled where systemd runs and looks for units below PREFIX. Of a unit that is not active nothing is done when the
# machine is shut down: the second one is started at once, which does nothing.
RESTORE := ocipipe-restore.service
SHUTDOWN := ocipipe-shutdown.service
define units
	if command -v systemctl >/dev/null; then
		mkdir -p "$$stage/lib/systemd/system"
		printf '%s\n' '[Unit]' \
			'Description=Containers that their restart policy wants back after a reboot' \
			'Documentation=man:ctr-start(1)' \
			'Wants=network-online.target' \
			'After=local-fs.target network-online.target $(SHUTDOWN)' \
			'RequiresMountsFor=/var/lib/ocipipe' '' \
			'[Service]' \
			'Type=oneshot' \
			'RemainAfterExit=yes' \
			'KillMode=process' \
			'ExecStart=$(PREFIX)/bin/ctr-start --all --restore --progress none' '' \
			'[Install]' \
			'WantedBy=multi-user.target' >"$$stage/lib/systemd/system/$(RESTORE)"
		printf '%s\n' '[Unit]' \
			'Description=Containers that are stopped in time before a reboot' \
			'Documentation=man:ctr-stop(1)' \
			'After=local-fs.target network.target' \
			'RequiresMountsFor=/var/lib/ocipipe' '' \
			'[Service]' \
			'Type=oneshot' \
			'RemainAfterExit=yes' \
			'ExecStop=$(PREFIX)/bin/ctr-stop --all --restore --progress none' \
			'TimeoutStopSec=10min' '' \
			'[Install]' \
			'WantedBy=multi-user.target' >"$$stage/lib/systemd/system/$(SHUTDOWN)"
	fi
endef
knows_units = [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ] && [ "$$(id -u)" = 0 ] && \
	{ [ "$(PREFIX)" = /usr ] || [ "$(PREFIX)" = /usr/local ]; }

# What the commands need of the machine: an OCI runtime, crun where cgroups are version 2 and else runc, and conmon; for
# networks nftables and aardvark-dns.
define system_parts
	missing=
	if ! command -v crun >/dev/null && ! command -v runc >/dev/null; then
		missing=runc
		[ "$$(stat -f -c %T /sys/fs/cgroup 2>/dev/null)" != cgroup2fs ] || missing=crun
	fi
	command -v conmon >/dev/null || missing="$$missing conmon"
	command -v nft >/dev/null || missing="$$missing nftables"
	for directory in /usr/libexec/podman /usr/lib/podman /usr/bin; do
		[ ! -x $$directory/aardvark-dns ] || break
	done
	[ -x $$directory/aardvark-dns ] || missing="$$missing aardvark-dns"
	if [ -n "$$missing" ]; then
		if [ "$(SYSTEM_PACKAGES)" = no ] || [ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ]; then
			echo "missing: what containers need (install $$missing)" >&2
		elif command -v apt-get >/dev/null; then
			$(apt)
		elif command -v dnf >/dev/null; then
			dnf -q -y install $$missing
		else
			echo "missing: what containers need (install $$missing)" >&2
		fi
	fi
endef
