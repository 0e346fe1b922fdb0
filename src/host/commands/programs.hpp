// Programs by name: where `use "doc" from "print_shop"` finds print_shop, and what it says about
// itself.
#pragma once

#include "host/commands/context.hpp"

#include <equus/base/result.hpp>
#include <equus/manifest.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace equus::commands {

/// The folder part of a path: "." for a bare name.
std::string folder_of(const std::string& path);

/// What the program prints when it is started with these words. io_failed: it does not start, or
/// ends with an error; timed_out: it does not end, or says too much.
result<std::string> output_of(const std::string& path, const std::vector<std::string>& words);

class program_finder {
public:
    /// `file`: the configuration, beside which programs are looked for; `given`: `--program
    /// NAME=PATH` or
    /// `--program PATH`.
    program_finder(const context& with, std::string file, const std::vector<std::string>& given);

    /// The executable: given, this very program, beside the file, in the folder of this program.
    /// not_found says where was looked.
    result<std::string> find(const std::string& name);
    /// Asks the program. io_failed: it does not start, does not answer, or says something else.
    result<manifest> ask(const std::string& name);
    /// The names that were given and that nobody asked for: mistaken ones.
    std::vector<std::string> unwanted() const;
    /// Paths of all that were found, in order of the first question.
    const std::vector<std::string>& found() const noexcept { return found_; }
    /// The services of all manifests asked for.
    const std::vector<service_manifest>& services() const noexcept { return services_; }

private:
    const context& with_;
    std::string beside_;
    std::map<std::string, std::string, std::less<>> given_;
    std::set<std::string, std::less<>> wanted_;
    std::vector<std::string> found_;
    std::vector<service_manifest> services_;
};

/// The path of the Equus program called `name` beside this one, or of `given` unless that is empty.
result<std::string> program_of(const context& with, const std::string& name,
                               const std::string& given);

} // namespace equus::commands
