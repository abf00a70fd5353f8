//===- Team.cpp - The threads that run steps --------------------*- C++ -*-===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Team.h"

#include "LastError.h"
#include "System.h"

#include <cstring>
#include <memory>
#include <new>
#include <pthread.h>
#include <signal.h>

using namespace espalier;
using namespace espalier::runtime;

namespace {

class Team {
public:
  ~Team() { stop(); }

  espalier_status start(uint32_t workers);
  espalier_team *interface() { return &api; }

private:
  struct Member {
    Team *team;
    uint32_t worker;
    pthread_t thread;
  };

  void run(void (*function)(void *, uint32_t), void *context);
  void serve(uint32_t worker);
  void stop();

  espalier_team api = {};
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  SpinPolicy policy;
  std::unique_ptr<Member[]> members;
  uint32_t started = 0;

  // What the workers are to do next: written before `begun` advances, read
  // after it.
  void (*function)(void *, uint32_t) = nullptr;
  void *context = nullptr;

  alignas(64) EventCount begun;
  alignas(64) std::atomic<uint32_t> running{0};
  EventCount finished;
};

} // namespace

SpinPolicy runtime::spinPolicyFor(uint32_t workers) {
  if (workers > availableCpus())
    return {50, 4};
  // Some 2 milliseconds: longer than a phase is out of balance and than a token
  // is sampled, and than most interruptions of another worker last. A
  // barrier shortens it while spinning is in vain.
  return {60000, 0};
}

espalier_status Team::start(uint32_t workers) {
  policy = spinPolicyFor(workers);
  members.reset(new (std::nothrow) Member[workers]);
  if (!members)
    return failf(ESPALIER_ERROR_MEMORY, "no memory for %u workers", workers);
  // Signals are the application's business: its threads get them. Those of a
  // worker's own faults come to it, or no handler would see them.
  sigset_t all, before;
  sigfillset(&all);
  for (int fault : {SIGBUS, SIGSEGV, SIGFPE, SIGILL})
    sigdelset(&all, fault);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  for (uint32_t worker = 1; worker < workers && !error; ++worker) {
    members[worker] = {this, worker, {}};
    auto entry = [](void *argument) -> void * {
      auto *member = static_cast<Member *>(argument);
      member->team->serve(member->worker);
      return nullptr;
    };
    error = pthread_create(&members[worker].thread, nullptr, entry,
                           &members[worker]);
    if (!error)
      started = worker;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error)
    return failf(ESPALIER_ERROR_MEMORY,
                 "thread %u of %u cannot be started: %s; use fewer threads",
                 started + 1, workers, strerror(error));
  api.size = sizeof(api);
  api.version = 1;
  api.workers = workers;
  api.context = this;
  api.run = [](espalier_team *team, void (*fn)(void *, uint32_t), void *ctx) {
    static_cast<Team *>(team->context)->run(fn, ctx);
  };
  api.lock = [](espalier_team *team) {
    pthread_mutex_lock(&static_cast<Team *>(team->context)->mutex);
  };
  api.unlock = [](espalier_team *team) {
    pthread_mutex_unlock(&static_cast<Team *>(team->context)->mutex);
  };
  return ESPALIER_OK;
}

void Team::run(void (*fn)(void *, uint32_t), void *ctx) {
  if (started == 0)
    return fn(ctx, 0);
  function = fn;
  context = ctx;
  running.store(started, std::memory_order_relaxed);
  uint32_t seen = finished.generation();
  begun.advance(begun.generation());
  fn(ctx, 0);
  finished.waitPast(seen, policy);
}

void Team::serve(uint32_t worker) {
  // The first generation is the constructor's, not what `begun` says now: the
  // first run may already have begun.
  for (uint32_t seen = 0;; seen += 2) {
    begun.waitPast(seen, policy);
    if (!function)
      return;
    function(context, worker);
    // The generation is read before this worker counts itself out: it cannot
    // move until then.
    uint32_t generation = finished.generation();
    if (running.fetch_sub(1, std::memory_order_acq_rel) == 1)
      finished.advance(generation);
  }
}

void Team::stop() {
  function = nullptr;
  if (started != 0)
    begun.advance(begun.generation());
  for (uint32_t worker = 1; worker <= started; ++worker)
    pthread_join(members[worker].thread, nullptr);
  started = 0;
  pthread_mutex_destroy(&mutex);
}

extern "C" espalier_status espalier_team_create(uint32_t workers,
                                                espalier_team **team) {
  if (!team)
    return fail(ESPALIER_ERROR_ARGUMENT, "espalier_team_create: team is NULL");
  *team = nullptr;
  if (workers == 0)
    workers = availableCpus();
  if (workers > maxWorkers)
    return failf(ESPALIER_ERROR_ARGUMENT,
                 "espalier_team_create: expected at most %u workers, got %u",
                 maxWorkers, workers);
  std::unique_ptr<Team> made(new (std::nothrow) Team);
  if (!made)
    return fail(ESPALIER_ERROR_MEMORY, "no memory for a team of workers");
  if (espalier_status status = made->start(workers))
    return status;
  *team = made.release()->interface();
  return ESPALIER_OK;
}

extern "C" void espalier_team_destroy(espalier_team *team) {
  if (team)
    delete static_cast<Team *>(team->context);
}

espalier_status runtime::checkTeam(const espalier_team *team) {
  if (team->size < sizeof(espalier_team) || team->version != 1)
    return failf(ESPALIER_ERROR_ARGUMENT,
                 "team: expected version 1 and size %zu, got version %u and "
                 "size %u",
                 sizeof(espalier_team), team->version, team->size);
  if (team->workers == 0 || team->workers > maxWorkers)
    return failf(ESPALIER_ERROR_ARGUMENT,
                 "team: expected 1 to %u workers, got %u", maxWorkers,
                 team->workers);
  if (!team->run || !team->lock || !team->unlock)
    return fail(ESPALIER_ERROR_ARGUMENT,
                "team: run, lock and unlock may not be NULL");
  return ESPALIER_OK;
}

//===--- Default teams ----------------------------------------------------===//

namespace {
struct DefaultTeam {
  DefaultTeam *next;
  espalier_team *team;
  uint32_t users;
};
DefaultTeam *defaultTeams = nullptr;
pthread_mutex_t defaultTeamsMutex = PTHREAD_MUTEX_INITIALIZER;

espalier_status acquireLocked(uint32_t workers, espalier_team **team) {
  for (DefaultTeam *entry = defaultTeams; entry; entry = entry->next) {
    if (entry->team->workers == workers) {
      ++entry->users;
      *team = entry->team;
      return ESPALIER_OK;
    }
  }
  auto *entry = new (std::nothrow) DefaultTeam{defaultTeams, nullptr, 1};
  if (!entry)
    return fail(ESPALIER_ERROR_MEMORY, "no memory for a team of workers");
  if (espalier_status status = espalier_team_create(workers, &entry->team)) {
    delete entry;
    return status;
  }
  defaultTeams = entry;
  *team = entry->team;
  return ESPALIER_OK;
}
} // namespace

espalier_status runtime::acquireDefaultTeam(uint32_t workers,
                                            espalier_team **team) {
  if (workers == 0)
    workers = availableCpus();
  pthread_mutex_lock(&defaultTeamsMutex);
  espalier_status status = acquireLocked(workers, team);
  pthread_mutex_unlock(&defaultTeamsMutex);
  return status;
}

void runtime::releaseDefaultTeam(espalier_team *team) {
  pthread_mutex_lock(&defaultTeamsMutex);
  for (DefaultTeam **link = &defaultTeams; *link; link = &(*link)->next) {
    DefaultTeam *entry = *link;
    if (entry->team != team)
      continue;
    if (--entry->users == 0) {
      *link = entry->next;
      espalier_team_destroy(entry->team);
      delete entry;
    }
    break;
  }
  pthread_mutex_unlock(&defaultTeamsMutex);
}
