// A pipeline of filters over several nodes. Pixels stay in the buffers of those who made them; who
// needs some has a handle and copies a rectangle at a time. So a stage holds its own picture and a
// tile of the one before it, and several pictures are on their way at once.
#pragma once

#include <equus/equus.hpp>
#include <equus/services/console.hpp>
#include <equus/services/files.hpp>
#include <equus/task_group.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace pic {

// ---- the darkroom of each node: PNG files to pixels and back, on threads of their own

struct developed {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    equus::bulk pixels;
    EQUUS_FIELDS(width, height, pixels)
};
struct develop {
    using reply = developed;
    equus::bytes png;
    EQUUS_FIELDS(png)
};
struct printed {
    equus::bytes png;
    EQUUS_FIELDS(png)
};
struct print {
    using reply = printed;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    equus::bulk pixels;
    EQUUS_FIELDS(width, height, pixels)
};
using photography = equus::protocol<"pic.photography", develop, print>;

/// What the darkroom's effects are asked: the same with plain bytes.
struct raster {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    equus::bytes pixels;
    EQUUS_FIELDS(width, height, pixels)
};
struct decode {
    using reply = raster;
    equus::bytes png;
    EQUUS_FIELDS(png)
};
struct encode {
    using reply = printed;
    raster from;
    EQUUS_FIELDS(from)
};
inline constexpr const char* decode_effect = "pic.decode";
inline constexpr const char* encode_effect = "pic.encode";

class darkroom : public equus::incarnation<darkroom> {
public:
    equus::port<photography> work{*this, "work"};
    equus::task<developed> on(develop d);
    equus::task<printed> on(print p);
};

// ---- stages

struct finished {
    equus::buffer_handle pixels; ///< of the stage's own buffer, for reading
    EQUUS_FIELDS(pixels)
};
/// Work on one picture; its pixels are read from the buffer of whoever had it before.
struct process {
    using reply = finished;
    std::uint32_t number = 0;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    equus::buffer_handle pixels;
    EQUUS_FIELDS(number, width, height, pixels)
};
/// Nobody needs that picture of yours any more.
struct release {
    std::uint32_t number = 0;
    EQUUS_FIELDS(number)
};
using working = equus::protocol<"pic.working", process, release>;

/// How far a stage has come with a picture.
struct progress {
    std::uint32_t number = 0;
    std::string filter;
    std::uint32_t tiles_done = 0;
    std::uint32_t tiles = 0;
    equus::node_boot where;
    EQUUS_FIELDS(number, filter, tiles_done, tiles, where)
};
using reporting = equus::protocol<"pic.reporting", progress>;

class stage : public equus::incarnation<stage> {
public:
    struct parameters {
        std::string filter;
        std::uint32_t tile = 64; ///< pixels, each way
        EQUUS_FIELDS(filter, tile)
    };
    parameters parameters_;
    equus::port<working> jobs{*this, "jobs"};
    equus::stream<reporting> reports{*this, "reports"};

    equus::task<finished> on(process p);
    void on(release r) { pictures_.erase(r.number); }

private:
    std::map<std::uint32_t, equus::buffer> pictures_;
};

/// Reads the pictures, leads each through the stages, several at once, and writes what comes out.
class manager : public equus::incarnation<manager> {
public:
    struct parameters {
        equus::file_path pictures;
        equus::file_path out;
        EQUUS_FIELDS(pictures, out)
    };
    parameters parameters_;
    equus::port<reporting> reports{*this, "reports"};
    equus::stream<working> first{*this, "first"};
    equus::stream<working> second{*this, "second"};
    equus::stream<working> third{*this, "third"};
    equus::stream<equus::files::filing> files{*this, "files"};
    equus::stream<photography> room{*this, "room"};
    equus::stream<equus::console::printing> console{*this, "console"};

    equus::task<std::int32_t> main();

private:
    equus::task<> lead(std::uint32_t number);
    equus::task<> lead_through(std::uint32_t number);
    equus::task<> say(std::string text);
    equus::task<> hear();

    std::vector<std::string> names_;
    std::uint32_t written_ = 0;
    std::uint32_t failed_ = 0;
    equus::wake_signal one_is_done_;
    equus::task_group tasks_; ///< last: its tasks use all of the above
};

/// Registers the modules; the effects' functions are the program's.
void add_pipeline(equus::module_table& modules);

} // namespace pic
