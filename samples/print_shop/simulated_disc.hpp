// A disc for simulations: the effects of the file service on files that exist in memory, shared by
// all nodes as on one machine. Writing takes its time and may be cut off by a crash, so that a file
// is seen half written. What must never be of a file stops the world: half a file, or a second one,
// under a final name.
#pragma once

#include <equus/host/sim.hpp>
#include <equus/services/files.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace doc {

class simulated_disc {
public:
    struct file {
        std::string text;
        bool whole = true;
        std::uint32_t renamed = 0; ///< times that something was given this name
    };
    explicit simulated_disc(equus::duration writing_max) : writing_max_{writing_max} {}

    /// Answers the file effects of `w`, which ends before this does.
    void serve(equus::sim::world& w);

    std::map<std::string, file, std::less<>> files; ///< by path
    std::set<std::string> unreadable;               ///< paths
    std::set<std::string> unwritable;               ///< final paths for which the disc is full

private:
    equus::result<equus::files::listing> list(const equus::files::list& asked) const;
    equus::result<equus::files::content> read(const equus::files::read& asked) const;
    equus::result<equus::files::done> rename(equus::sim::world& w,
                                             const equus::files::rename& asked);
    void store(equus::sim::world& w, const equus::files::store& asked, equus::sim::completion done,
               equus::duration takes);

    equus::duration writing_max_;
};

} // namespace doc
