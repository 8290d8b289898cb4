# Every third-party library, found once. Debian 12 packages and npm packages only; who may use which is
# stated in src/LAYERS. Why each was chosen: docs/dependencies.md.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(simdjson REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(GTest REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET jemalloc)

# The npm packages bring plain files (headers, a shared library, an amalgamation); their install scripts
# are never run.
set(INSULA_NPM "${CMAKE_SOURCE_DIR}/node_modules")
set(DUCKDB_HEADERS "${INSULA_NPM}/duckdb/src/duckdb/src/include")
set(DUCKDB_LIBRARY "${INSULA_NPM}/@duckdb/node-bindings-linux-x64/libduckdb.so")
set(SQLITE_AMALGAMATION "${INSULA_NPM}/better-sqlite3/deps/sqlite3")
foreach(needed "${DUCKDB_HEADERS}/duckdb.hpp" "${DUCKDB_LIBRARY}" "${SQLITE_AMALGAMATION}/sqlite3.c")
    if(NOT EXISTS "${needed}")
        message(FATAL_ERROR "${needed} is missing: run 'npm ci' (make does it for you)")
    endif()
endforeach()

add_library(duckdb_engine SHARED IMPORTED)
set_target_properties(duckdb_engine PROPERTIES IMPORTED_LOCATION "${DUCKDB_LIBRARY}"
    IMPORTED_NO_SONAME OFF)
target_include_directories(duckdb_engine SYSTEM INTERFACE "${DUCKDB_HEADERS}")

add_library(sqlite_amalgamation STATIC "${SQLITE_AMALGAMATION}/sqlite3.c")
target_include_directories(sqlite_amalgamation SYSTEM PUBLIC "${SQLITE_AMALGAMATION}")
target_compile_definitions(sqlite_amalgamation PRIVATE SQLITE_DQS=0 SQLITE_THREADSAFE=2
    SQLITE_DEFAULT_MEMSTATUS=0 SQLITE_OMIT_LOAD_EXTENSION SQLITE_OMIT_DEPRECATED
    SQLITE_OMIT_SHARED_CACHE SQLITE_LIKE_DOESNT_MATCH_BLOBS SQLITE_MAX_EXPR_DEPTH=1000)
target_compile_options(sqlite_amalgamation PRIVATE -O2 -w)
target_link_libraries(sqlite_amalgamation PRIVATE Threads::Threads)

function(insula_link_duckdb target)
    target_link_libraries(${target} PUBLIC duckdb_engine)
endfunction()
