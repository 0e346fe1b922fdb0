// The typesetter against an oracle that shares nothing with it (check_words): whatever the
// document, the words of its PDF are the words of the document.
#include "printed.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <thread>

namespace fs = std::filesystem;
using doc::document;
using doc::test::loss;
using doc::test::printed;

namespace {

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i)
        all += text;
    return all;
}

std::string utf8(char32_t c) {
    const auto tail = [&](int shift) { return static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
    if (c < 0x80)
        return {static_cast<char>(c)};
    if (c < 0x800)
        return {static_cast<char>(0xC0 | (c >> 6)), tail(0)};
    if (c < 0x10000)
        return {static_cast<char>(0xE0 | (c >> 12)), tail(6), tail(0)};
    return {static_cast<char>(0xF0 | (c >> 18)), tail(12), tail(6), tail(0)};
}

std::string file_text(const fs::path& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

std::vector<fs::path> shipped_documents() {
    const char* source = std::getenv("EQUUS_SOURCE");
    std::vector<fs::path> found;
    if (source != nullptr)
        for (const auto& entry :
             fs::recursive_directory_iterator{fs::path{source} / "samples/print_shop/documents"})
            if (entry.is_regular_file())
                found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    return found;
}

equus::errc refusal(const document& document) {
    const auto pages = doc::typeset(document);
    return pages ? equus::errc::ok : pages.error().code();
}

} // namespace

TEST_CASE("every document of the sample is printed whole", "[print_shop]") {
    const auto documents = shipped_documents();
    REQUIRE(documents.size() >= 12);
    for (const fs::path& path : documents) {
        INFO(path);
        CHECK(loss({path.string(), file_text(path)}) == "");
    }
}

TEST_CASE("letters that fonts join stay letters", "[print_shop]") {
    const std::string text = "ffi fl ff office waffle ﬁsh ﬂag fjord --> != Ĳ ĳ ﬀ st ct Th\n";
    CHECK(loss({"a.md", "# " + text + "\n" + text + "\n`" + text + "`"}) == "");
    CHECK(loss({"a.txt", text}) == "");
}

TEST_CASE("kerning parts no pair of letters", "[print_shop]") {
    // "P." overlaps so far in some fonts that pdftotext would see two words.
    std::string pairs;
    for (char first = '!'; first <= '~'; ++first)
        for (char second = '!'; second <= '~'; ++second)
            pairs += {first, second, second == '~' ? '\n' : ' '};
    CHECK(loss({"a.txt", pairs}) == "");
    std::string letters;
    for (const char* first :
         {"P", "T", "V", "W", "Y", "F", "A", "L", "r", "f", "\"", "'", "Г", "Т", "Ρ"})
        for (const char* second :
             {".", ",", "-", "a", "o", "A", "J", "V", "”", "’", "…", "а", "α"}) {
            const std::string pair = std::string{first} + second;
            letters += pair + pair + " *" + pair + "x* **" + pair + "x** ***" + pair + "x***\n";
        }
    CHECK(loss({"a.md", letters + "\n# " + letters + "\n###### " + letters}) == "");
}

TEST_CASE("hyphens, dashes and slashes do not part a word at the end of a line", "[print_shop]") {
    for (const std::string_view word :
         {"state-of-the-art ", "either/or/neither ", "em—dash ", "a.b.c.d.e.f ", "co‐op ",
          "soft\u00ADhy\u00ADphen\u00ADated ", "zero\u200Bwidth\u200Bspace ", "(a)[b]{c} ",
          "$1,234.56-7% ", "C:\\path\\to\\file "}) {
        // A prefix of every length moves the word over the end of the line.
        std::string text;
        for (std::size_t prefix = 1; prefix < 40; ++prefix)
            text += repeated("x", prefix) + " " + repeated(word, 12) + "\n\n";
        INFO(word);
        CHECK(loss({"a.md", text}) == "");
        CHECK(loss({"a.txt", text}) == "");
    }
}

TEST_CASE("fixed spaces part words and are never lost", "[print_shop]") {
    CHECK(printed({"a.md", "10\u00A0km and&nbsp;entity\u202Fthin"}) ==
          doc::check::words{"10", "km", "and", "entity", "thin"});
    CHECK(loss({"a.md", repeated("word\u00A0", 60)}) == "");
    CHECK(loss({"a.md", repeated("all-in-one-long-word-with-hyphens-\u00A0", 20)}) == "");
    CHECK(loss({"a.txt", "a\u3000b\u2003c\u2028d\u0085e\vf"}) == "");
}

TEST_CASE("letters of many scripts, composed or not, come back as they were typed",
          "[print_shop]") {
    const std::string text =
        "Ελληνικά ψυχή Кириллица щука Ґанок naïve Žluťoučký kůň "
        "e\u0301te\u0301 o\u0327\u0301\u0302x \u0301alone q\u0323\u0307 "
        "Việt Nam ½ ² → ✓ 中文字 日本語 한국어 ไทย हिन्दी 🦄 "
        "👩\u200D👩\u200D👧 "
        "𝔘𝔫𝔦 "
        "\uE000 \uFFFD e\u20DD";
    CHECK(loss({"a.md", "# " + text + "\n\n" + text + "\n\n*" + text + "* **" + text +
                            "**\n\n    " + text}) == "");
    CHECK(loss({"a.txt", text}) == "");
}

TEST_CASE("right-to-left words come back, in their order", "[print_shop]") {
    CHECK(loss({"a.txt", "one שלום עולם two مرحبا three"}) == "");
    CHECK(loss({"a.md", repeated("שלום", 400)}).find("not ") == std::string::npos);
}

TEST_CASE("each letter of the first planes survives inside a word", "[print_shop]") {
    std::string text;
    for (char32_t c = 0x21; c < 0x3100; ++c) {
        const bool right_to_left = c >= 0x590 && c < 0x900;
        const bool directional = c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E);
        if ((c >= 0x7F && c < 0xA0) || right_to_left || directional)
            continue;
        text += "a" + utf8(c) + "b" + utf8(c) + (c % 16 == 15 ? "\n" : " ");
    }
    for (char32_t c = 0x1F300; c < 0x1F700; c += 3)
        text += utf8(c) + (c % 16 == 0 ? "\n" : " ");
    CHECK(loss({"a.txt", text}) == "");
}

TEST_CASE("a word that is too long for a line stays one word", "[print_shop]") {
    for (const std::size_t size : {70U, 90U, 110U, 300U, 3000U, 20'000U}) {
        std::string word;
        for (std::size_t i = 0; i < size; ++i)
            word += i % 37 == 36 ? '/' : static_cast<char>('a' + i % 26);
        INFO(size);
        const std::string text = "before " + word + " after\n";
        CHECK(loss({"a.md", text}) == "");
        CHECK(loss({"a.md", "> - `" + word + "`\n> - **" + word + "**" + word + "\n\n# " + word}) ==
              "");
        CHECK(loss({"a.txt", text + "        " + word}) == "");
    }
    CHECK(loss({"a.md", "x " + repeated("中e\u0301é", 500) + " y"}) == "");
    CHECK(loss({"a.md", "x " + repeated("soft\u00AD", 500) + " y"}) == "");
}

TEST_CASE("only a word of more than the documented letters is set as several", "[print_shop]") {
    const auto words = printed({"a.txt", repeated("w", doc::word_letters_max + 7)});
    REQUIRE(words.size() == 2);
    CHECK(words[0].size() == doc::word_letters_max);
    CHECK(words[1].size() == 7);
}

TEST_CASE("styles change within a word without parting it", "[print_shop]") {
    CHECK(printed({"a.md", "un**believ**able, *it*'s `code`-like: [li](http://x.y)nk**s**."}) ==
          doc::check::words{"unbelievable,", "it's", "code-like:", "links."});
    CHECK(loss({"a.md", repeated("a*b*c**d**e`f`g", 30)}) == "");
}

TEST_CASE("marks of Markdown are drawn and not written", "[print_shop]") {
    CHECK(printed({"a.md", "# Title\n\n* one\n* two\n  1. first\n  2. second\n\n> said\n\n---\n\n"
                           "7) seven\n8) eight\n\n-\n\n![a picture](p.png) [text](http://u.rl)"}) ==
          doc::check::words{"Title", "one", "two", "first", "second", "said", "seven", "eight", "a",
                            "picture", "text"});
}

TEST_CASE("deep nesting is set without a limit of the line being reached", "[print_shop]") {
    std::string lists;
    std::string quotes;
    for (std::size_t depth = 0; depth < 60; ++depth) {
        lists += repeated("  ", depth) + "- level " + std::to_string(depth) + " of a deep list\n";
        quotes += repeated(">", depth + 1) + " quoted " + std::to_string(depth) + "\n\n";
    }
    CHECK(loss({"a.md", lists}) == "");
    CHECK(loss({"a.md", quotes}) == "");
    CHECK(loss({"a.md", repeated("> ", 2000) + "deep"}) == "");
    CHECK(loss({"a.md", repeated("- ", 300) + "deep"}) == "");
}

TEST_CASE("code keeps its words when its lines are too long", "[print_shop]") {
    const std::string line = "\tif (left_side == right_side && value->member[0] != nullptr) return "
                             "std::make_unique<some::very::long_name>(first, second, third);\n";
    CHECK(loss({"a.md", "```cpp info\n" + repeated(line, 100) + "\n\n\n" + line + "```\n"}) == "");
    CHECK(loss({"a.txt", repeated(line + "\n", 100)}) == "");
    CHECK(loss({"a.txt", repeated(" ", 500) + "far\t\t\t\t\t\t\t\t\t\t\t\t\tright " + line}) == "");
}

TEST_CASE("HTML and tables are shown as they were typed", "[print_shop]") {
    CHECK(loss({"a.md", "<div class=\"x\">\n<!-- note -->\n</div>\n\nin <b>line</b> &amp; "
                        "&copy;\n\n| a | b |\n|---|---|\n| *c* | `d` |\n"}) == "");
}

TEST_CASE("lines may end in any of the three ways, and a byte order mark is no word",
          "[print_shop]") {
    const doc::check::words expected{"one", "two", "three", "four"};
    CHECK(printed({"a.txt", "\xEF\xBB\xBFone\r\ntwo\rthree\nfour"}) == expected);
    CHECK(printed({"a.MD", "\xEF\xBB\xBFone\r\ntwo\rthree\nfour"}) == expected);
    CHECK(printed({"a.markdown", "one  \r\ntwo\\\nthree\r\n\r\nfour"}) == expected);
}

TEST_CASE("a document without words is one page with its number", "[print_shop]") {
    for (const std::string_view text : {"", " \n\t\n", "\n\n\n", "\f\f", "\xEF\xBB\xBF"})
        for (const char* name : {"a.md", "a.txt"}) {
            const auto pages = doc::typeset({name, std::string{text}});
            REQUIRE(pages.has_value());
            CHECK(pages->size() == 1);
            CHECK(printed({name, std::string{text}}).empty());
        }
}

TEST_CASE("a form feed ends the page of a plain text", "[print_shop]") {
    const auto pages = doc::typeset({"a.txt", "one\ftwo\n\fthree\f"});
    REQUIRE(pages.has_value());
    CHECK(pages->size() == 3);
}

TEST_CASE("what is not a text is refused with the place", "[print_shop]") {
    CHECK(refusal({"a.md", std::string{"a\0b", 3}}) == equus::errc::malformed);
    for (const std::string_view bad :
         {"\xFF", "\xC0\x80", "\xC3", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\x80",
          "\xF8\x88\x80\x80\x80"})
        CHECK(refusal({"a.txt", "line\n" + std::string{bad}}) == equus::errc::malformed);
    CHECK(refusal({"a.doc", "x"}) == equus::errc::unsupported);
    CHECK(refusal({"txt", "x"}) == equus::errc::unsupported);
    CHECK(refusal({"folder.md/x", "x"}) == equus::errc::unsupported);
    const auto pages = doc::typeset({"notes/a.md", "one\ntwo \xFF"});
    REQUIRE_FALSE(pages.has_value());
    CHECK(pages.error().text() == "notes/a.md: a byte that is not UTF-8 at offset 8, line 2");
}

TEST_CASE("a document over the limit is refused", "[print_shop]") {
    CHECK(refusal({"a.txt", std::string(doc::document_bytes_max + 1, ' ')}) ==
          equus::errc::too_large);
}

TEST_CASE("pages are handed over one by one, and setting stops when told so", "[print_shop]") {
    const document book{"a.md",
                        repeated("A paragraph of a book that has very many of them.\n\n", 3000)};
    std::size_t taken = 0;
    const auto set = doc::typeset(book, [&](equus::bytes) { return ++taken < 5; });
    REQUIRE_FALSE(set.has_value());
    CHECK(set.error().code() == equus::errc::cancelled);
    CHECK(taken == 5);
}

TEST_CASE("a document of more than a thousand pages is printed whole", "[print_shop]") {
    std::string text;
    for (int i = 0; i < 54'500; ++i)
        text += "line " + std::to_string(i) + " of a very long list\n";
    const auto pages = doc::typeset({"a.txt", text});
    REQUIRE(pages.has_value());
    CHECK(pages->size() > 1000);
    CHECK(std::all_of(pages->begin(), pages->end(),
                      [](const equus::bytes& page) { return page.size() < 65'536; }));
    const auto whole = doc::collate("long", *pages);
    REQUIRE(whole.has_value());
    const doc::test::pdf_file file{*whole};
    const auto found = doc::check::words_of_pdf(file.path());
    REQUIRE(found.has_value());
    CHECK(doc::check::first_difference(doc::check::words_of_text(text), *found) == "");
}

TEST_CASE("one endless paragraph is printed whole", "[print_shop]") {
    std::string text;
    for (int i = 0; i < 20'000; ++i)
        text += "word" + std::to_string(i % 97) + " ";
    CHECK(loss({"a.md", text}) == "");
    CHECK(loss({"a.txt", text}) == "");
}

TEST_CASE("the same document gives the same bytes, on many threads at once too", "[print_shop]") {
    const document text{"a.md",
                        repeated("# Heading\n\nSome *text* with `code`, Ελλάδα.\n\n- item\n", 40)};
    const auto first = doc::typeset(text);
    REQUIRE(first.has_value());
    std::vector<equus::result<std::vector<equus::bytes>>> others(4);
    std::vector<std::thread> threads;
    for (auto& other : others)
        threads.emplace_back([&] { other = doc::typeset(text); });
    for (std::thread& thread : threads)
        thread.join();
    for (const auto& other : others) {
        REQUIRE(other.has_value());
        CHECK(*other == *first);
    }
    CHECK(doc::collate("t", *first).value() == doc::collate("t", *others[0]).value());
}

TEST_CASE("collating keeps the order of the pages and refuses what is not a page", "[print_shop]") {
    const auto pages = doc::typeset({"a.txt", "one\ftwo\fthree"});
    REQUIRE(pages.has_value());
    const auto whole = doc::collate("tïtle (x)", *pages);
    REQUIRE(whole.has_value());
    CHECK(whole->text().substr(0, 5) == "%PDF-");
    CHECK(doc::collate("t", {}).error().code() == equus::errc::invalid_argument);
    std::vector<equus::bytes> bad = *pages;
    bad[1] = equus::bytes{"not a PDF"};
    CHECK(doc::collate("t", bad).error().code() == equus::errc::malformed);
    bad[1] = *whole;
    CHECK(doc::collate("t", bad).error().code() == equus::errc::malformed);
    bad[1] = equus::bytes{(*pages)[1].text().substr(0, (*pages)[1].size() / 2)};
    CHECK(doc::collate("t", bad).error().code() == equus::errc::malformed);
}

TEST_CASE("fonts that several pages carry are stored once", "[print_shop]") {
    const auto pages = doc::typeset({"a.txt", repeated("the same words\f", 30)});
    REQUIRE(pages.has_value());
    REQUIRE(pages->size() == 30);
    const auto whole = doc::collate("t", *pages);
    REQUIRE(whole.has_value());
    CHECK(whole->size() < pages->size() * pages->front().size() / 3);
}

TEST_CASE("random Markdown is printed whole", "[print_shop]") {
    const std::vector<std::string> parts{"word ",   "ffi ",   "*",      "**",
                                         "`",       "```\n",  "\n",     "\n\n",
                                         "> ",      "- ",     "1. ",    "# ",
                                         "    ",    "\t",     "[",      "](http://example.org/a'b)",
                                         "<b>",     "</b>",   "![",     "é",
                                         "e\u0301", "\u00AD", "ψ",      "中",
                                         "---\n",   "===\n",  "\\",     "&amp;",
                                         "&nbsp;",  "| ",     "|",      "long-word-",
                                         "\u200B",  "_",      "~",      "<!-- ",
                                         " -->",    "1) ",    "\r\n",   "<http://auto.link/>",
                                         "שלום",    "\f",     "\u2028", "  \n"};
    for (unsigned seed = 1; seed <= 12; ++seed) {
        std::mt19937 random{seed};
        std::string text;
        for (int i = 0; i < 1000; ++i)
            text += parts[random() % parts.size()];
        INFO("seed " << seed);
        // Right-to-left letters mixed into other words have no one order to be read back in.
        std::string plain = text;
        for (std::size_t at = 0; (at = plain.find("שלום")) != std::string::npos;)
            plain.replace(at, std::string_view{"שלום"}.size(), "o");
        CHECK(loss({"a.md", plain}) == "");
        CHECK(loss({"a.txt", plain}) == "");
        CHECK(doc::typeset({"a.md", text}).has_value());
    }
}
