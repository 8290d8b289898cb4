# Compiler flags that hold for every target of ours.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Programs stand directly in the build folder: build/release/insula, build/release/core_tests, …
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
    # Checkouts and build folders share what they compile: paths below the source folder count as relative.
    set(launcher "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=true
        "${CCACHE_PROGRAM}")
    set(CMAKE_CXX_COMPILER_LAUNCHER "${launcher}")
    set(CMAKE_C_COMPILER_LAUNCHER "${launcher}")
endif()

# g++ 12 destroys temporaries inside co_await expressions twice; see docs/decisions/0001.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
    message(FATAL_ERROR "Insula is built with clang 19 or later (found ${CMAKE_CXX_COMPILER_ID} "
                        "${CMAKE_CXX_COMPILER_VERSION}); use the presets: cmake --preset release")
endif()

set(INSULA_SANITIZE "" CACHE STRING "Sanitizers of this build: empty, 'address,undefined' or 'thread'")

add_library(insula_flags INTERFACE)
target_compile_options(insula_flags INTERFACE -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor
    -Wno-missing-field-initializers -fno-omit-frame-pointer)
# CRC32C and the scans over chunks are written for these; every x86-64 server since 2013 has them.
target_compile_options(insula_flags INTERFACE -msse4.2 -mpclmul -mavx2 -mbmi -mbmi2 -mlzcnt)
target_include_directories(insula_flags INTERFACE "${CMAKE_SOURCE_DIR}/src")
target_link_options(insula_flags INTERFACE -fuse-ld=lld)
option(INSULA_FUZZ "Compile everything with libFuzzer's coverage and build insula-fuzz" OFF)
if(INSULA_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(INSULA_SANITIZE)
    add_compile_options(-fsanitize=${INSULA_SANITIZE} -fno-sanitize-recover=all -fno-sanitize=vptr)
    add_link_options(-fsanitize=${INSULA_SANITIZE})
    add_compile_definitions(INSULA_SANITIZED=1)
endif()
