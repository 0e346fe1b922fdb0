// What the print shop's incarnations say to each other.
//
//             tasks                    pages
//   scheduler <----- worker[n] ----------------> spooler["a"]
//       \               |                          /
//        \-- found      | set, unreadable         / printed, spoiled
//         \             v                        /
//          `-------> manager  <-----------------'      (reports)
#pragma once

#include <equus/equus.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace doc {

// ---- tasks: a worker takes one document at a time

struct task_slip {
    bool any = false; ///< false: there is no more work
    std::uint32_t id = 0;
    std::string path; ///< of the source
    std::string name; ///< relative to the folder of documents
    EQUUS_FIELDS(any, id, path, name)
};
struct next_task {
    using reply = task_slip;
    std::string worker;
    EQUUS_FIELDS(worker)
};
/// One more document, from outside of the run.
struct submit {
    std::string path;
    std::string name;
    EQUUS_FIELDS(path, name)
};
struct remaining {
    std::uint32_t again = 0;   ///< documents that will be handed out once more
    std::uint32_t waiting = 0; ///< documents that nobody has
    EQUUS_FIELDS(again, waiting)
};
/// From the manager: somebody has ended. What he had, if it is not printed, is handed out again.
struct ended {
    using reply = remaining;
    std::string worker;              ///< empty: the spooler, so whoever had them
    bool well = false;               ///< a worker that found no more work; nothing of his is lost
    std::set<std::uint32_t> printed; ///< or spoiled
    bool blameless = false; ///< his documents had nothing to do with it: a spooler was lost
    EQUUS_FIELDS(worker, well, printed, blameless)
};
using scheduling = equus::protocol<"doc.scheduling", next_task, submit, ended>;

// ---- pages: a worker sends a document's pages in order, the last one last

struct page {
    std::uint32_t document = 0;
    std::string name;
    std::string worker;
    std::uint32_t number = 0; ///< from 1
    std::uint32_t of = 0;     ///< pages of the document
    equus::bytes pdf;         ///< one page
    EQUUS_FIELDS(document, name, worker, number, of, pdf)
};
using printing = equus::protocol<"doc.printing", page>;

// ---- reports: everybody tells the manager

/// How many documents there are.
struct found {
    std::uint32_t documents = 0;
    std::string folder;
    std::string trouble; ///< why the folder cannot be read; empty: it can
    EQUUS_FIELDS(documents, folder, trouble)
};
/// A document is on paper, under its final name.
struct printed {
    std::uint32_t document = 0;
    std::string name;
    std::string worker;
    std::uint32_t pages = 0;
    EQUUS_FIELDS(document, name, worker, pages)
};
/// A document will not be printed.
struct spoiled {
    std::uint32_t document = 0;
    std::string name;
    std::string reason;
    EQUUS_FIELDS(document, name, reason)
};
struct done_so_far {
    std::set<std::uint32_t> documents; ///< printed or spoiled
    EQUUS_FIELDS(documents)
};
/// From a spooler that begins: what need not be printed any more.
struct what_is_done {
    using reply = done_so_far;
    std::string spooler;
    EQUUS_FIELDS(spooler)
};
using reporting = equus::protocol<"doc.reporting", found, printed, spoiled, what_is_done>;

// ---- the press: a service of every node around the typesetter, which blocks

struct pages_set {
    std::vector<equus::bytes> pages;
    EQUUS_FIELDS(pages)
};
/// Sets a document in type.
struct set_in_type {
    using reply = pages_set;
    std::string name;
    equus::bytes text;
    EQUUS_FIELDS(name, text)
};
struct bound {
    equus::bytes pdf;
    EQUUS_FIELDS(pdf)
};
/// Makes one PDF of a document's pages.
struct bind_pages {
    using reply = bound;
    std::string title;
    std::vector<equus::bytes> pages;
    EQUUS_FIELDS(title, pages)
};
using pressing = equus::protocol<"doc.pressing", set_in_type, bind_pages>;

inline constexpr std::string_view set_effect = "doc.set_in_type";
inline constexpr std::string_view bind_effect = "doc.bind_pages";

} // namespace doc
