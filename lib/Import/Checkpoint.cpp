//===- Checkpoint.cpp - A folder of safetensors ---------------------------===//
//
// Part of Espalier, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "espalier/Import/Checkpoint.h"

#include "Checked.h"
#include "espalier/Support/Json.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/stat.h>

namespace espalier {
namespace {

constexpr size_t mostShards = 4096;
constexpr const char *singleName = "model.safetensors";
constexpr const char *indexName = "model.safetensors.index.json";

Result<std::string> realPath(const std::string &path) {
  char *real = ::realpath(path.c_str(), nullptr);
  if (!real)
    return Error{path + ": cannot open: " + std::strerror(errno)};
  std::string out = real;
  std::free(real);
  return out;
}

bool exists(const std::string &path) {
  struct stat s;
  // A link that leads nowhere exists, so that its error is reported.
  return ::lstat(path.c_str(), &s) == 0;
}

std::string parentOf(const std::string &path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

bool isBelow(const std::string &path, std::string folder) {
  if (folder.back() != '/')
    folder += '/';
  return path.compare(0, folder.size(), folder) == 0;
}

/// Why `shard` is no plain file name of a shard, or empty.
std::string shardFault(const std::string &shard) {
  if (std::string fault = nameFault(shard, 255); !fault.empty())
    return fault;
  if (shard.find_first_of("/\\") != std::string::npos || shard == "." ||
      shard == "..")
    return "expected a file name without folders, got " + json::quote(shard);
  if (!shard.ends_with(".safetensors"))
    return "expected a name that ends in .safetensors, got " +
           json::quote(shard);
  return "";
}

} // namespace

Result<SafeTensorsIndex> parseSafeTensorsIndex(std::string_view text) {
  json::Limits limits;
  limits.depth = 16;
  Result<json::Value> root = json::parse(text, limits);
  if (!root)
    return root.takeError();
  const json::Value *map = root->find("weight_map");
  if (!map || !map->asObject())
    return Error{"expected an object weight_map"};
  SafeTensorsIndex index;
  std::map<std::string_view, bool> shards;
  for (const auto &[name, value] : map->asObject()->members()) {
    if (std::string fault = nameFault(name, 1024); !fault.empty())
      return Error{"weight_map: " + fault};
    const std::string *shard = value.asString();
    if (!shard)
      return Error{"weight_map: tensor '" + name +
                   "': expected a string, got " +
                   std::string(json::kindName(value.kind()))};
    if (std::string fault = shardFault(*shard); !fault.empty())
      return Error{"weight_map: tensor '" + name + "': shard: " + fault};
    auto placed = index.weightMap.emplace(name, *shard).first;
    shards.emplace(placed->second, true);
    if (shards.size() > mostShards)
      return Error{"weight_map: more than " + std::to_string(mostShards) +
                   " shards"};
  }
  return index;
}

Result<std::string> resolveInFolder(const std::string &folder,
                                    const std::string &name) {
  Result<std::string> root = realPath(folder);
  if (!root)
    return root.takeError();
  std::string path = folder + "/" + name;
  Result<std::string> real = realPath(path);
  if (!real)
    return real.takeError();
  std::string snapshots = parentOf(*root);
  bool cached = snapshots.ends_with("/snapshots") &&
                isBelow(*real, parentOf(snapshots) + "/blobs");
  if (!isBelow(*real, *root) && !cached)
    return Error{path + ": the symbolic link leaves its folder, to " + *real +
                 "; put the file itself there"};
  return *real;
}

void Checkpoint::add(const std::string &name, size_t file,
                     const SafeTensorsEntry &entry) {
  CheckpointTensor tensor{file, entry.dtype, entry.shape,
                          opened[file].header().headerBytes + entry.begin,
                          opened[file].data(entry)};
  named.emplace(name, std::move(tensor));
}

Result<Checkpoint> Checkpoint::openSingle(const std::string &path) {
  Result<SafeTensorsFile> file = SafeTensorsFile::open(path);
  if (!file)
    return file.takeError();
  Checkpoint checkpoint;
  checkpoint.opened.push_back(std::move(*file));
  for (const SafeTensorsEntry &entry : checkpoint.opened[0].header().entries)
    checkpoint.add(entry.name, 0, entry);
  return checkpoint;
}

Result<Checkpoint> Checkpoint::openShards(const std::string &folder) {
  std::string indexPath = folder + "/" + indexName;
  Result<std::string> real = resolveInFolder(folder, indexName);
  if (!real)
    return real.takeError();
  Result<MappedFile> text = MappedFile::open(*real);
  if (!text)
    return text.takeError();
  Result<SafeTensorsIndex> index = parseSafeTensorsIndex(
      {reinterpret_cast<const char *>(text->bytes().data()),
       text->bytes().size()});
  if (!index)
    return index.takeError().within(indexPath);
  Checkpoint checkpoint;
  std::map<std::string, size_t> shards;
  for (const auto &[name, shard] : index->weightMap) {
    auto [place, fresh] = shards.emplace(shard, checkpoint.opened.size());
    if (fresh) {
      Result<std::string> path = resolveInFolder(folder, shard);
      if (!path)
        return Error{path.takeError().within(indexPath).message +
                     ": each shard that the index names is needed"};
      Result<SafeTensorsFile> file = SafeTensorsFile::open(*path);
      if (!file)
        return file.takeError().within(indexPath);
      checkpoint.opened.push_back(std::move(*file));
    }
    const SafeTensorsEntry *entry =
        checkpoint.opened[place->second].header().find(name);
    if (!entry)
      return Error{indexPath + ": tensor '" + name + "': expected in " + shard +
                   ", which does not hold it"};
    checkpoint.add(name, place->second, *entry);
  }
  return checkpoint;
}

Result<Checkpoint> Checkpoint::open(const std::string &path) {
  struct stat s;
  if (::stat(path.c_str(), &s) != 0)
    return Error{path + ": cannot open: " + std::strerror(errno)};
  if (!S_ISDIR(s.st_mode))
    return openSingle(path); // named by the user: a link may lead anywhere
  if (exists(path + "/" + singleName)) {
    Result<std::string> real = resolveInFolder(path, singleName);
    if (!real)
      return real.takeError();
    return openSingle(*real);
  }
  if (exists(path + "/" + indexName))
    return openShards(path);
  std::string message =
      path + ": expected " + singleName + " or " + indexName + ", got neither";
  if (exists(path + "/pytorch_model.bin") ||
      exists(path + "/pytorch_model.bin.index.json"))
    message += ": pytorch_model.bin is a program and is not read: convert it "
               "with save_pretrained(..., safe_serialization=True)";
  else if (exists(path + "/config.json"))
    message += ": download the weights too (or measure their shape with "
               "--random-weights)";
  return Error{std::move(message)};
}

const CheckpointTensor *Checkpoint::find(std::string_view name) const {
  auto found = named.find(name);
  return found == named.end() ? nullptr : &found->second;
}

Status Checkpoint::unchanged() const {
  for (const SafeTensorsFile &file : opened)
    if (Status s = file.file().unchanged(); !s)
      return s;
  return {};
}

} // namespace espalier
