//===- Schedule.cpp - Times and semaphores of programs --------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Lowering/Systolic/Schedule.h"
#include "Hazards.h"
#include "espalier/Lowering/Systolic/InstructionForm.h"

using namespace espalier;
using namespace espalier::systolic;

namespace {

/// Whether a queue takes an instruction that has a unit of its own; both vector
/// units take the same.
bool fits(uint8_t opcode, unsigned queue) {
  return opcode >= ESPALIER_OP_LOAD && queue < ESPALIER_QUEUES &&
         (formOf(opcode).queues >> queue & 1);
}

const char *nameOf(uint8_t opcode) {
  const char *name = formOf(opcode).name;
  return name ? name : "unknown";
}

/// For each queue, up to which of its instructions (number in the sequence,
/// plus 1) all are known to be complete.
using Clock = std::array<uint32_t, ESPALIER_QUEUES>;

class Scheduler {
public:
  Scheduler(const Sequence &sequence, const SystolicMachine &machine)
      : sequence(sequence), machine(machine),
        scratchpad(machine.scratchpadBytes, queues),
        accumulator(machine.accumulatorBytes, queues), dram(sequence.frame),
        array(machine), ports(machine), items(sequence.body.size()) {}

  Result<Program> run(std::vector<Placement> *placements);

private:
  /// What becomes of an instruction of the sequence.
  struct Item {
    uint64_t issue = 0;
    bool critical = false;
    uint8_t waits = 0, signals = 0; ///< Bits: queues it waits for, and tells.
    Clock clock = {};               ///< When it has issued.
  };

  Status loop(uint32_t number);
  Status place(uint32_t number);
  void barrier(uint32_t number);
  void order(uint32_t number, const Bound &bound);
  Result<Program> emit(std::vector<Placement> *placements) const;
  Error fail(uint32_t number, const std::string &what) const {
    return Error{"instruction " + std::to_string(number) + " (" +
                 nameOf(sequence.body[number].second.opcode) + "): " + what};
  }

  const Sequence &sequence;
  const SystolicMachine &machine;
  std::vector<uint8_t> queues; ///< Of the instructions so far.
  Granules scratchpad, accumulator;
  DramBooks dram;
  ArrayBooks array;
  PortBooks ports;
  std::vector<Item> items;

  uint64_t complete = 0; ///< Everything so far is.
  uint64_t floor = 0;    ///< Nothing issues before it.
  struct Queue {
    uint64_t next = 0;     ///< First cycle for another instruction.
    uint64_t unitFree = 0; ///< Of DMA and vector units.
    uint64_t lastIssue = 0;
    bool lastIsMatmul = false;
    Clock clock = {};
  };
  std::array<Queue, ESPALIER_QUEUES> state;
  std::vector<uint32_t> openLoops;
};

/// Everything before is complete, for times and for semaphores alike.
void Scheduler::barrier(uint32_t number) {
  floor = complete;
  for (Queue &queue : state) {
    queue.next = queue.unitFree = floor;
    queue.lastIsMatmul = false;
    queue.clock.fill(number);
  }
  items[number].issue = floor;
}

Status Scheduler::loop(uint32_t number) {
  const Instruction &in = sequence.body[number].second;
  barrier(number);
  if (in.opcode == ESPALIER_OP_REPEAT) {
    if (in.b == 0)
      return fail(number, "runs no times");
    if (openLoops.size() == ESPALIER_SYSTOLIC_MAX_LOOP_DEPTH)
      return fail(number, "loops are nested deeper than two");
    openLoops.push_back(number);
  } else {
    if (openLoops.empty())
      return fail(number, "ends no loop");
    openLoops.pop_back();
  }
  if (openLoops.empty()) {
    dram.begin(0, 1);
  } else {
    const Instruction &outer = sequence.body[openLoops.front()].second;
    dram.begin(outer.a, outer.b);
  }
  return {};
}

/// Puts a SIGNAL and a WAIT between an instruction and each one before it that
/// it must follow, where no others imply them. The last of those is asked
/// first: what it waited for is often the rest.
void Scheduler::order(uint32_t number, const Bound &bound) {
  unsigned queue = queues[number];
  Clock &clock = state[queue].clock;
  Clock left = bound.after;
  left[queue] = 0;
  while (true) {
    unsigned from =
        unsigned(std::max_element(left.begin(), left.end()) - left.begin());
    uint32_t after = left[from];
    if (after == 0)
      break;
    left[from] = 0;
    if (clock[from] >= after)
      continue;
    items[number].waits |= uint8_t(1u << from);
    items[after - 1].signals |= uint8_t(1u << queue);
    for (unsigned q = 0; q < ESPALIER_QUEUES; ++q)
      clock[q] = std::max(clock[q], items[after - 1].clock[q]);
  }
  clock[queue] = number + 1;
  items[number].clock = clock;
}

Status Scheduler::place(uint32_t number) {
  auto &[queueId, in] = sequence.body[number];
  unsigned q = queueId;
  if (q >= ESPALIER_QUEUES || !fits(in.opcode, q))
    return fail(number, "not of queue " + std::to_string(q));
  if (in.shape >= sequence.frame.shapes.size())
    return fail(number, "names shape " + std::to_string(in.shape) + " of " +
                            std::to_string(sequence.frame.shapes.size()));
  const Shape &shape = sequence.frame.shapes[in.shape];
  if (shape.rows == 0 || shape.columns == 0)
    return fail(number, "has an empty shape");
  Timing timing = timingOf(in, shape, machine);

  Queue &queue = state[q];
  bool arrayQueue = q == ESPALIER_QUEUE_ARRAY;
  bool dma = q <= ESPALIER_QUEUE_DMA_OUT;
  // The array begins a load of weights beside the matmul before it.
  uint64_t inOrder = in.opcode == ESPALIER_OP_LOAD_WEIGHTS && queue.lastIsMatmul
                         ? queue.lastIssue
                         : queue.next;
  Bound bound;
  bound.atLeast(int64_t(inOrder));
  if (arrayQueue)
    array.bound(in, shape, bound);
  else
    bound.atLeast(int64_t(queue.unitFree));
  if (dma)
    dram.bound(in, bound);
  for (unsigned i = 0; i < timing.accesses; ++i) {
    const Access &access = timing.access[i];
    const Granules &memory =
        access.space == ESPALIER_SPACE_ACCUMULATOR ? accumulator : scratchpad;
    if (access.end() > memory.bytes())
      return fail(number,
                  std::string("an operand ends at byte ") +
                      std::to_string(access.end()) + " of the " +
                      (&memory == &accumulator ? "accumulator" : "scratchpad") +
                      ", which has " + std::to_string(memory.bytes()));
    memory.bound(access, bound);
  }
  if (bound.error)
    return fail(number, bound.error);
  for (unsigned from = 0; from < ESPALIER_QUEUES; ++from)
    if (bound.after[from])
      bound.atLeast(int64_t(items[bound.after[from] - 1].issue));
  if (!ports.collect(in, timing))
    return fail(number, "needs more ports of a bank than there are");
  uint64_t issue = ports.firstFree(uint64_t(bound.earliest));

  ports.reserve(issue);
  for (unsigned i = 0; i < timing.accesses; ++i) {
    const Access &access = timing.access[i];
    (access.space == ESPALIER_SPACE_ACCUMULATOR ? accumulator : scratchpad)
        .record(access, issue, number, q);
  }
  if (dma)
    dram.record(in, issue + timing.complete, number);
  if (arrayQueue)
    array.record(in, shape, issue);
  order(number, bound);
  items[number].issue = issue;
  items[number].critical = issue > inOrder;
  queue.next = issue + 1;
  queue.unitFree = issue + timing.busy;
  queue.lastIssue = issue;
  queue.lastIsMatmul = in.opcode == ESPALIER_OP_MATMUL;
  complete = std::max(complete, issue + timing.complete);
  return {};
}

Result<Program> Scheduler::emit(std::vector<Placement> *placements) const {
  Program program = sequence.frame;
  program.arrayRows = machine.rows;
  program.arrayColumns = machine.columns;
  // One semaphore for each pair of queues that needs it.
  int semaphore[ESPALIER_QUEUES][ESPALIER_QUEUES];
  for (auto &row : semaphore)
    for (int &number : row)
      number = -1;
  program.semaphores = 0;
  for (size_t i = 0; i < items.size(); ++i)
    for (unsigned q = 0; q < ESPALIER_QUEUES; ++q)
      if (items[i].waits >> q & 1) {
        int &number = semaphore[q][sequence.body[i].first];
        if (number < 0)
          number = int(program.semaphores++);
      }
  if (placements)
    placements->clear();

  std::array<uint64_t, ESPALIER_QUEUES> now = {};
  std::array<std::vector<Instruction>, ESPALIER_QUEUES> marks;
  bool tooFar = false;
  auto put = [&](unsigned q, Instruction in, uint64_t cycle) {
    uint64_t wait = cycle - now[q];
    tooFar |= wait > UINT32_MAX;
    in.dt = uint32_t(wait);
    now[q] = cycle;
    program.queues[q].push_back(in);
  };
  auto putMarks = [&](unsigned q, uint64_t cycle) {
    for (const Instruction &mark : marks[q])
      put(q, mark, cycle);
    marks[q].clear();
  };
  auto control = [](uint8_t opcode, unsigned aux, uint32_t count) {
    Instruction in;
    in.opcode = opcode;
    in.aux = uint8_t(aux);
    in.b = count;
    return in;
  };
  for (size_t i = 0; i < items.size(); ++i) {
    const Item &item = items[i];
    auto &[queueId, in] = sequence.body[i];
    unsigned q = queueId;
    if (in.opcode == ESPALIER_OP_MARK) {
      marks[q].push_back(in);
      continue;
    }
    if (isControl(in.opcode)) {
      for (unsigned each = 0; each < ESPALIER_QUEUES; ++each) {
        putMarks(each, now[each]);
        put(each, in, item.issue);
      }
      continue;
    }
    Placement placement;
    placement.queue = uint8_t(q);
    placement.begin = uint32_t(program.queues[q].size());
    putMarks(q, item.issue);
    for (unsigned from = 0; from < ESPALIER_QUEUES; ++from)
      if (item.waits >> from & 1)
        put(q, control(ESPALIER_OP_WAIT, unsigned(semaphore[from][q]), 1),
            item.issue);
    placement.at = uint32_t(program.queues[q].size());
    put(q, in, item.issue);
    for (unsigned to = 0; to < ESPALIER_QUEUES; ++to)
      if (item.signals >> to & 1)
        put(q, control(ESPALIER_OP_SIGNAL, unsigned(semaphore[q][to]), 0),
            item.issue);
    placement.end = uint32_t(program.queues[q].size());
    placement.issue = item.issue;
    placement.critical = item.critical;
    if (placements)
      placements->push_back(placement);
  }
  for (unsigned q = 0; q < ESPALIER_QUEUES; ++q) {
    putMarks(q, now[q]);
    put(q, control(ESPALIER_OP_END, 0, 0), now[q]);
  }
  if (tooFar)
    return Error{"a queue would wait for more than 4294967295 cycles"};
  return program;
}

Result<Program> Scheduler::run(std::vector<Placement> *placements) {
  for (auto &[queue, in] : sequence.body)
    if (in.opcode == ESPALIER_OP_STORE || in.opcode == ESPALIER_OP_SCATTER)
      dram.addStored(in);
  if (!scratchpad.valid() || !accumulator.valid())
    return Error{"not enough memory for the books of the machine's memories"};
  queues.reserve(sequence.body.size());
  for (uint32_t i = 0; i < sequence.body.size(); ++i) {
    auto &[queue, in] = sequence.body[i];
    queues.push_back(uint8_t(queue));
    if (in.opcode == ESPALIER_OP_MARK) {
      if (queue >= ESPALIER_QUEUES)
        return fail(i, "not of queue " + std::to_string(queue));
      continue;
    }
    Status status =
        in.opcode == ESPALIER_OP_REPEAT || in.opcode == ESPALIER_OP_END_REPEAT
            ? loop(i)
            : place(i);
    if (!status)
      return status.takeError();
  }
  if (!openLoops.empty())
    return fail(openLoops.back(), "has no END_REPEAT");
  return emit(placements);
}

} // namespace

Result<Program> systolic::schedule(const Sequence &sequence,
                                   const SystolicMachine &machine,
                                   std::vector<Placement> *placements) {
  return Scheduler(sequence, machine).run(placements);
}
