// The print shop's modules. The dissertation's text-processing computation: a manager that decides
// how many workers there are, a scheduler that hands out documents, workers that set them, a
// spooler that collates.
#pragma once

#include "messages.hpp"

#include <equus/services/console.hpp>
#include <equus/services/files.hpp>

#include <map>
#include <string>
#include <vector>

namespace doc {

/// Hears everybody, makes the workers, prints the table.
class manager : public equus::incarnation<manager> {
public:
    struct parameters {
        std::uint32_t workers = 0; ///< 0: as many as nodes and documents allow
        EQUUS_FIELDS(workers)
    };
    struct outcome {
        std::string name;
        std::string worker;
        std::uint32_t pages = 0;
        std::string trouble;
        EQUUS_FIELDS(name, worker, pages, trouble)
    };
    struct state {
        std::uint32_t documents = 0;
        std::uint32_t duplicated = 0;
        std::map<std::uint32_t, outcome> outcomes; ///< by document
        EQUUS_FIELDS(documents, duplicated, outcomes)
    };
    parameters parameters_;
    state state_;
    equus::port<reporting> reports{*this, "reports"};
    equus::stream<equus::console::printing> console{*this, "console"};

    equus::task<std::int32_t> main();

private:
    equus::task<std::uint32_t> hire();
    void enter(std::uint32_t document, outcome what);
    std::string table(equus::duration took) const;
};

/// Finds the documents and hands them out, one to each worker that asks.
class scheduler : public equus::incarnation<scheduler> {
public:
    struct parameters {
        equus::file_path documents;
        EQUUS_FIELDS(documents)
    };
    struct entry {
        std::string path;
        std::string name;
        EQUUS_FIELDS(path, name)
    };
    struct state {
        std::vector<entry> documents;
        std::uint32_t next = 0;
        EQUUS_FIELDS(documents, next)
    };
    parameters parameters_;
    state state_;
    equus::port<scheduling> tasks{*this, "tasks"};
    equus::stream<reporting> reports{*this, "reports"};
    equus::stream<equus::files::filing> files{*this, "files"};

    equus::task<> start();
    task_slip on(next_task asked);
    void on(submit more);
};

/// Takes a document at a time, sets it, sends its pages on.
class worker : public equus::incarnation<worker> {
public:
    equus::stream<scheduling> tasks{*this, "tasks"};
    equus::stream<printing> pages{*this, "pages"};
    equus::stream<reporting> reports{*this, "reports"};
    equus::stream<equus::files::filing> files{*this, "files"};
    equus::stream<pressing> press{*this, "press"};

    equus::task<> main();

private:
    equus::task<> set(task_slip job);
};

/// Collates the pages of each document into one PDF under the folder `device`.
class spooler : public equus::incarnation<spooler> {
public:
    struct parameters {
        equus::file_path device;
        EQUUS_FIELDS(device)
    };
    struct state {
        std::map<std::uint32_t, std::vector<equus::bytes>> open; ///< pages so far, by document
        EQUUS_FIELDS(open)
    };
    parameters parameters_;
    state state_;
    equus::port<printing> jobs{*this, "jobs"};
    equus::stream<reporting> reports{*this, "reports"};
    equus::stream<equus::files::filing> files{*this, "files"};
    equus::stream<pressing> press{*this, "press"};

    equus::task<> on(page p);
};

/// The node's press: passes work to the typesetter's threads.
class press_service : public equus::incarnation<press_service> {
public:
    equus::port<pressing> work{*this, "work"};
    equus::task<pages_set> on(set_in_type job);
    equus::task<bound> on(bind_pages job);
};

/// Registers the modules; the effects' functions are the program's or a simulation's.
void add_print_shop(equus::module_table& modules);

} // namespace doc
