#pragma once
// Certificates for the tests, written by ssh-keygen 9.2 -s with the keys of test_keys.h. Where no
// other CA is named, it is the ed25519 key; where no other time is, they hold from 2020 to 2040.

#include <cstdint>
#include <string_view>

namespace caponier::ssh::test_certificates {

/// The first and the last second of 2020 to 2040, and one second in between.
inline constexpr std::uint64_t first_second = 1'577'836'800;
inline constexpr std::uint64_t first_second_after = 2'208'988'800;
inline constexpr std::uint64_t in_between = 1'800'000'000;

/// -I "... key" -h -n "bastion.example,*.internal.example" -z 42, for a key of each type.
inline constexpr std::string_view host_ed25519 =
    "ssh-ed25519-cert-v01@openssh.com "
    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIOYjPqnYJnoYpWc84UUwtveRqISM4vB35GGanLR/"
    "xUcOAAAAIOJtJHNwRo5I2N4HH4uFoxQxRolD+SHf1aYInYpm7+"
    "8xAAAAAAAAACoAAAACAAAAC2VkMjU1MTkga2V5AAAAKQAAAA9iYXN0aW9uLmV4YW1wbGUAAAASKi5pbnRlcm5hbC5leGFt"
    "cGxlAAAAAF4L4QAAAAAAg6p+"
    "gAAAAAAAAAAAAAAAAAAAADMAAAALc3NoLWVkMjU1MTkAAAAg4m0kc3BGjkjY3gcfi4WjFDFGiUP5Id/"
    "Vpgidimbv7zEAAABTAAAAC3NzaC1lZDI1NTE5AAAAQKEjSyiFXeC4m8LTmuO7FeJwbhgrd8T3R589J7qkrdtxSAHswcAos"
    "TzKeU/xdgIZri8MPecM65bcnSIqihGgCgM=";

inline constexpr std::string_view host_ecdsa_nistp256 =
    "ecdsa-sha2-nistp256-cert-v01@openssh.com "
    "AAAAKGVjZHNhLXNoYTItbmlzdHAyNTYtY2VydC12MDFAb3BlbnNzaC5jb20AAAAgoXDi9xjUIw/NqShSl7bdcY/"
    "dqoy87JnbwBlO3yAItKUAAAAIbmlzdHAyNTYAAABBBBLpeiBuxRXEJ757X/HOPomvuH+gmNM4/"
    "9kvIEmmjvlcbX4uiZ2I7ASTQ/xAeP5URJsteoIgEC1tmpI/"
    "8rfFOcQAAAAAAAAAKgAAAAIAAAASZWNkc2FfbmlzdHAyNTYga2V5AAAAKQAAAA9iYXN0aW9uLmV4YW1wbGUAAAASKi5pbn"
    "Rlcm5hbC5leGFtcGxlAAAAAF4L4QAAAAAAg6p+"
    "gAAAAAAAAAAAAAAAAAAAADMAAAALc3NoLWVkMjU1MTkAAAAg4m0kc3BGjkjY3gcfi4WjFDFGiUP5Id/"
    "Vpgidimbv7zEAAABTAAAAC3NzaC1lZDI1NTE5AAAAQBERaasuG72Ji0bwWUrY4Rv0RchNQtWX8A9DmA49tJ4c3NhsYzyj6"
    "fpC4FPOW+rlu/mfj/9G+kNiq2wBymvoygc=";

inline constexpr std::string_view host_ecdsa_nistp384 =
    "ecdsa-sha2-nistp384-cert-v01@openssh.com "
    "AAAAKGVjZHNhLXNoYTItbmlzdHAzODQtY2VydC12MDFAb3BlbnNzaC5jb20AAAAgqyEhzxrGuxycTSZ7AfcEd5N6Kq4i+"
    "Bc4VShbMehcPw8AAAAIbmlzdHAzODQAAABhBFRuG0OZpwzNlcz8IzTDSDYksCbvrMrC1aRHtpXpZYKBCieLhq8MJjYIlNj"
    "PcASp5Wfyn0/U9SOg03hI8rIr0YFz5OpvprlynNV9+Ng5HO61q5/"
    "uEO92PDr4kQBQ7Cye2wAAAAAAAAAqAAAAAgAAABJlY2RzYV9uaXN0cDM4NCBrZXkAAAApAAAAD2Jhc3Rpb24uZXhhbXBsZ"
    "QAAABIqLmludGVybmFsLmV4YW1wbGUAAAAAXgvhAAAAAACDqn6AAAAAAAAAAAAAAAAAAAAAMwAAAAtzc2gtZWQyNTUxOQA"
    "AACDibSRzcEaOSNjeBx+LhaMUMUaJQ/kh39WmCJ2KZu/"
    "vMQAAAFMAAAALc3NoLWVkMjU1MTkAAABAByAU1jQO8ijoxKxQRAA0tCFBzUoUhtRPXrbJ3raTiz/"
    "LxP2GojaeYhj4PeXdvEOZ5NIBUIYYiM6cqt3njg3gBA==";

inline constexpr std::string_view host_ecdsa_nistp521 =
    "ecdsa-sha2-nistp521-cert-v01@openssh.com "
    "AAAAKGVjZHNhLXNoYTItbmlzdHA1MjEtY2VydC12MDFAb3BlbnNzaC5jb20AAAAgD90IvIkMrLct6C2QyeVxUGFmPiA9mY"
    "KObcWd+FOuEiMAAAAIbmlzdHA1MjEAAACFBAGdaJtvLrioGAagg+UtR/"
    "giLm+CluZnxjfCVqV4VI263flOEozd1D8zUdwGLYkwFp73yEOPbVPT38gX0fB9c943FACYGtk9K4ax+"
    "I9tQyJbLfabO66bywuVo0OIAlbPgN/"
    "a9oJtFAxF1PZO9CrOZH24Wc8H0hQ09Ux9dGVUmKsO9utGwgAAAAAAAAAqAAAAAgAAABJlY2RzYV9uaXN0cDUyMSBrZXkAA"
    "AApAAAAD2Jhc3Rpb24uZXhhbXBsZQAAABIqLmludGVybmFsLmV4YW1wbGUAAAAAXgvhAAAAAACDqn6AAAAAAAAAAAAAAAA"
    "AAAAAMwAAAAtzc2gtZWQyNTUxOQAAACDibSRzcEaOSNjeBx+LhaMUMUaJQ/kh39WmCJ2KZu/"
    "vMQAAAFMAAAALc3NoLWVkMjU1MTkAAABAGtlkdc/"
    "PQYNAIqLYEW9kbyi7kw2uET4JUOQmTzeLwNGgRGm2bxIrEliQxRQqncTW0vIHQsQPVDtUwBID3SEuCg==";

inline constexpr std::string_view host_rsa =
    "ssh-rsa-cert-v01@openssh.com "
    "AAAAHHNzaC1yc2EtY2VydC12MDFAb3BlbnNzaC5jb20AAAAgAhGgomTDmcHpLzCA4qVNtGbe76toU5ELvHnupdN1upoAAA"
    "ADAQABAAABAQDZAh+DP008bj1PvGwRbogbn2crt6PzZppqBWHY08TGtSMCdRkHPjDQLOlpt1eyn2AnRx141+"
    "itJkQYzPNnOAtnVoOczztqcoqlkR4p37PXy/m8+zFYweQz7k6AC4mykxqsjq+ursDYFlEvgx2El3zY6/"
    "fRs8uMk9nxcVQpzIdNJt+tAYH2brGSlVcsHKD9qBodx+wGtL63+DU4q4zM0YdGS/"
    "ugfO6rN42Gg04uqQxvHCruwz7aQ3J4I+7as5wl9mOQZJTAOUkKq8qq/"
    "dydWLoErJ5QdMbiSlFBeoWY7BXVZq2SdiepNtTW/"
    "tq6gfSgHHGw9FT5MAg0GBqvf0QYa27xAAAAAAAAACoAAAACAAAAB3JzYSBrZXkAAAApAAAAD2Jhc3Rpb24uZXhhbXBsZQA"
    "AABIqLmludGVybmFsLmV4YW1wbGUAAAAAXgvhAAAAAACDqn6AAAAAAAAAAAAAAAAAAAAAMwAAAAtzc2gtZWQyNTUxOQAAA"
    "CDibSRzcEaOSNjeBx+LhaMUMUaJQ/kh39WmCJ2KZu/"
    "vMQAAAFMAAAALc3NoLWVkMjU1MTkAAABAW1OuUmCGBMvrFl9AIT+jTfbxaIY9g9xmgzvCnnVx8p5o1/"
    "k09DrhpysefSXPwlsqCGGBrv8lmUu9E7c+p9qlCw==";

inline constexpr std::string_view host_sk_ed25519 =
    "sk-ssh-ed25519-cert-v01@openssh.com "
    "AAAAI3NrLXNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIMjFudH3k7iFqGKz0GvwDdIfhnJRehtPPEMR7n"
    "CTWaJWAAAAIOJtJHNwRo5I2N4HH4uFoxQxRolD+SHf1aYInYpm7+"
    "8xAAAABHNzaDoAAAAAAAAAKgAAAAIAAAAOc2tfZWQyNTUxOSBrZXkAAAApAAAAD2Jhc3Rpb24uZXhhbXBsZQAAABIqLmlu"
    "dGVybmFsLmV4YW1wbGUAAAAAXgvhAAAAAACDqn6AAAAAAAAAAAAAAAAAAAAAMwAAAAtzc2gtZWQyNTUxOQAAACDibSRzcE"
    "aOSNjeBx+LhaMUMUaJQ/kh39WmCJ2KZu/"
    "vMQAAAFMAAAALc3NoLWVkMjU1MTkAAABADBPbA0hfKXoKqwiv3gGEs1uvp7LaZ7zNZwd4SsIjuER+"
    "RZ0oN39HkF7nkdlqfMDtZYn6Zsj1S8Jc/Xu3QXkmBw==";

inline constexpr std::string_view host_sk_ecdsa_nistp256 =
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com "
    "AAAAK3NrLWVjZHNhLXNoYTItbmlzdHAyNTYtY2VydC12MDFAb3BlbnNzaC5jb20AAAAgan2p6aYp+a+"
    "dKBVOo7LyGyRlmQWRSfuPdJVNG672Rq8AAAAIbmlzdHAyNTYAAABBBBLpeiBuxRXEJ757X/HOPomvuH+gmNM4/"
    "9kvIEmmjvlcbX4uiZ2I7ASTQ/xAeP5URJsteoIgEC1tmpI/"
    "8rfFOcQAAAAEc3NoOgAAAAAAAAAqAAAAAgAAABVza19lY2RzYV9uaXN0cDI1NiBrZXkAAAApAAAAD2Jhc3Rpb24uZXhhbX"
    "BsZQAAABIqLmludGVybmFsLmV4YW1wbGUAAAAAXgvhAAAAAACDqn6AAAAAAAAAAAAAAAAAAAAAMwAAAAtzc2gtZWQyNTUx"
    "OQAAACDibSRzcEaOSNjeBx+LhaMUMUaJQ/kh39WmCJ2KZu/"
    "vMQAAAFMAAAALc3NoLWVkMjU1MTkAAABAkLXmccHoWf2ozBbX8ImpHlB2CQywKhu0PfzBQlsLL3bXDRTkILAV5/"
    "nI0HlABrg82nCDlurPQq1cJgkpi2dGCA==";

/// The ed25519 key for bastion.example, certified by each kind of CA.
inline constexpr std::string_view host_by_ecdsa_nistp256 =
    "ssh-ed25519-cert-v01@openssh.com "
    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIO8yCNgWQZhKxIFhPluKUk44+sIkl9Q2ojb4Kjr+/"
    "NEAAAAAIOJtJHNwRo5I2N4HH4uFoxQxRolD+SHf1aYInYpm7+"
    "8xAAAAAAAAAAAAAAACAAAAEWJ5IGVjZHNhX25pc3RwMjU2AAAAEwAAAA9iYXN0aW9uLmV4YW1wbGUAAAAAXgvhAAAAAACD"
    "qn6AAAAAAAAAAAAAAAAAAAAAaAAAABNlY2RzYS1zaGEyLW5pc3RwMjU2AAAACG5pc3RwMjU2AAAAQQQS6XogbsUVxCe+"
    "e1/xzj6Jr7h/oJjTOP/ZLyBJpo75XG1+LomdiOwEk0P8QHj+VESbLXqCIBAtbZqSP/"
    "K3xTnEAAAAZQAAABNlY2RzYS1zaGEyLW5pc3RwMjU2AAAASgAAACEAlPxsKArJgVMTk/"
    "R1AL9Zw8cwogikZkXumhL0TBR9FZQAAAAhAO5VUoC6kcNAt8FdkJ/H+ykD1tkuin6WsddVvRFEF6/9";

inline constexpr std::string_view host_by_ecdsa_nistp384 =
    "ssh-ed25519-cert-v01@openssh.com "
    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIFetVYMNHjQF28RwqMKI77VztEwHwCSm5pIcT5Hb3N"
    "ndAAAAIOJtJHNwRo5I2N4HH4uFoxQxRolD+SHf1aYInYpm7+"
    "8xAAAAAAAAAAAAAAACAAAAEWJ5IGVjZHNhX25pc3RwMzg0AAAAEwAAAA9iYXN0aW9uLmV4YW1wbGUAAAAAXgvhAAAAAACD"
    "qn6AAAAAAAAAAAAAAAAAAAAAiAAAABNlY2RzYS1zaGEyLW5pc3RwMzg0AAAACG5pc3RwMzg0AAAAYQRUbhtDmacMzZXM/"
    "CM0w0g2JLAm76zKwtWkR7aV6WWCgQoni4avDCY2CJTYz3AEqeVn8p9P1PUjoNN4SPKyK9GBc+"
    "Tqb6a5cpzVffjYORzutauf7hDvdjw6+JEAUOwsntsAAACEAAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAABpAAAAMF2q5q+"
    "qFC82IJMgHfsKywvKtWN9izL4MImu4x6F+4pykKLGr+jyjhecM2NF4tG7UQAAADEA0CdV0VG4Wm4/"
    "77O2rPcBvu22ChRuUfEAV4oDXZ7E2yJMDP1l0xwHworGSsveVems";

inline constexpr std::string_view host_by_ecdsa_nistp521 =
    "ssh-ed25519-cert-v01@openssh.com "
    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIPdCR1pt7BDCOZgpyjyu34DtnYPeMPBpfpeC5tYvKz"
    "IRAAAAIOJtJHNwRo5I2N4HH4uFoxQxRolD+SHf1aYInYpm7+"
    "8xAAAAAAAAAAAAAAACAAAAEWJ5IGVjZHNhX25pc3RwNTIxAAAAEwAAAA9iYXN0aW9uLmV4YW1wbGUAAAAAXgvhAAAAAACD"
    "qn6AAAAAAAAAAAAAAAAAAAAArAAAABNlY2RzYS1zaGEyLW5pc3RwNTIxAAAACG5pc3RwNTIxAAAAhQQBnWibby64qBgGoI"
    "PlLUf4Ii5vgpbmZ8Y3wlaleFSNut35ThKM3dQ/M1HcBi2JMBae98hDj21T09/"
    "IF9HwfXPeNxQAmBrZPSuGsfiPbUMiWy32mzuum8sLlaNDiAJWz4Df2vaCbRQMRdT2TvQqzmR9uFnPB9IUNPVMfXRlVJirD"
    "vbrRsIAAACnAAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAACMAAAAQgCjatfPylDFE6ptInwVXTDSXXlTOcvcD1zUr8e3iH9"
    "K4LfKD1bGtAqmaUgncfEHxtEaYNdUlxuvaiguNSRy5GG17QAAAEIB2WISMUMW/"
    "nxzMfOOc3iCVflBykdGfKt4fqSQqjLuxTXpXHmQ24Kx7sBek+QPQVDH0KeRTaFcRa7PalYFZwyVuNA=";

inline constexpr std::string_view host_by_rsa =
    "ssh-ed25519-cert-v01@openssh.com "
    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIEVAf2FOk8fjnD+kUXk3jnY1vlAxzT/LWPp/"
    "cZIK+AkbAAAAIOJtJHNwRo5I2N4HH4uFoxQxRolD+SHf1aYInYpm7+"
    "8xAAAAAAAAAAAAAAACAAAABmJ5IHJzYQAAABMAAAAPYmFzdGlvbi5leGFtcGxlAAAAAF4L4QAAAAAAg6p+"
    "gAAAAAAAAAAAAAAAAAAAARcAAAAHc3NoLXJzYQAAAAMBAAEAAAEBANkCH4M/TTxuPU+8bBFuiBufZyu3o/"
    "NmmmoFYdjTxMa1IwJ1GQc+MNAs6Wm3V7KfYCdHHXjX6K0mRBjM82c4C2dWg5zPO2pyiqWRHinfs9fL+"
    "bz7MVjB5DPuToALibKTGqyOr66uwNgWUS+"
    "DHYSXfNjr99Gzy4yT2fFxVCnMh00m360BgfZusZKVVywcoP2oGh3H7Aa0vrf4NTirjMzRh0ZL+"
    "6B87qs3jYaDTi6pDG8cKu7DPtpDcngj7tqznCX2Y5BklMA5SQqryqr93J1YugSsnlB0xuJKUUF6hZjsFdVmrZJ2J6k21Nb"
    "+2rqB9KAccbD0VPkwCDQYGq9/"
    "RBhrbvEAAAEUAAAADHJzYS1zaGEyLTUxMgAAAQBB3dEJT+"
    "hJUvuevQOhdWSNzsmYD8c0drWagL7AkicvExNMRm9rQdP1QgF7DUhtdJpqQaHsoFt/"
    "uupJJE9iK6t+BQAA3uGXkr1w5Prbc7Dw82AprbOdR+mdu0Rcg4o7Ur8z6cGQvo3UbXwYCM91tCxzVlgYeY8a6RBwH+"
    "DKLfUbZDrYgwLj3lguKBgy74paVfuiBlu0qevacIJJBj/AO9PrLs/vxaiWeV0GBl0WAOVpLgB/"
    "QNeKTZxcn+KNgzwCwWkN1hFwy0gS1Taj9SpxOu3Zdf4O0pS2tCO/"
    "nOmkGrBnFDB4LgnNsJH7w4Z5DV75aZ+sGRAii9dyxpIXoEXXfgBx";

inline constexpr std::string_view host_by_rsa_sha256 =
    "ssh-ed25519-cert-v01@openssh.com "
    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAILUzBWcbfbtgHipWaL4wqeUX73ZSsP/"
    "iOTB9gXoLCkgHAAAAIOJtJHNwRo5I2N4HH4uFoxQxRolD+SHf1aYInYpm7+"
    "8xAAAAAAAAAAAAAAACAAAADWJ5IHJzYSBzaGEyNTYAAAATAAAAD2Jhc3Rpb24uZXhhbXBsZQAAAABeC+"
    "EAAAAAAIOqfoAAAAAAAAAAAAAAAAAAAAEXAAAAB3NzaC1yc2EAAAADAQABAAABAQDZAh+"
    "DP008bj1PvGwRbogbn2crt6PzZppqBWHY08TGtSMCdRkHPjDQLOlpt1eyn2AnRx141+"
    "itJkQYzPNnOAtnVoOczztqcoqlkR4p37PXy/m8+zFYweQz7k6AC4mykxqsjq+ursDYFlEvgx2El3zY6/"
    "fRs8uMk9nxcVQpzIdNJt+tAYH2brGSlVcsHKD9qBodx+wGtL63+DU4q4zM0YdGS/"
    "ugfO6rN42Gg04uqQxvHCruwz7aQ3J4I+7as5wl9mOQZJTAOUkKq8qq/"
    "dydWLoErJ5QdMbiSlFBeoWY7BXVZq2SdiepNtTW/"
    "tq6gfSgHHGw9FT5MAg0GBqvf0QYa27xAAABFAAAAAxyc2Etc2hhMi0yNTYAAAEA1QoCw+WU9SjhtS9t9vOQeQpjIh/"
    "5wbEjNadkZY5nvOqKwR2P6quaya87GgWs2ZmQHMdKaUU1OpoQIysB9yDDwUTpwaAXEf8phx45TsGPaVXUE/"
    "83LH+"
    "RpG7WHSf1sTb3uHh3vOceBe6i9LlrCG8Lt4hAi85HLHszEpBcleLKIpho7FX8cAnvCOu3uco3xzANKeN7oURFgAk4KGpfo"
    "/TFJ7LGRvsvQlaafQ8y6RCwj/"
    "0HwRgHFY5pHV2TZjmpsCkzgKNQw+"
    "544mlCPFJ3oiuoFFPbaHT3ACgekr4gzi2RfDhrOXhfXV8xC54FstuGyvsY858VkaCkY12cd8Hb2Lfw8w==";

/// -t ssh-rsa: a signature with SHA-1.
inline constexpr std::string_view host_by_rsa_sha1 =
    "ssh-ed25519-cert-v01@openssh.com "
    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIAY9pCgMVtVq0UvXRfFpIfvd1Q+EdR0+"
    "1mN00nAAtpA0AAAAIOJtJHNwRo5I2N4HH4uFoxQxRolD+SHf1aYInYpm7+"
    "8xAAAAAAAAAAAAAAACAAAAC2J5IHJzYSBzaGExAAAAEwAAAA9iYXN0aW9uLmV4YW1wbGUAAAAAXgvhAAAAAACDqn6AAAAA"
    "AAAAAAAAAAAAAAABFwAAAAdzc2gtcnNhAAAAAwEAAQAAAQEA2QIfgz9NPG49T7xsEW6IG59nK7ej82aaagVh2NPExrUjAn"
    "UZBz4w0CzpabdXsp9gJ0cdeNforSZEGMzzZzgLZ1aDnM87anKKpZEeKd+z18v5vPsxWMHkM+"
    "5OgAuJspMarI6vrq7A2BZRL4MdhJd82Ov30bPLjJPZ8XFUKcyHTSbfrQGB9m6xkpVXLByg/agaHcfsBrS+t/"
    "g1OKuMzNGHRkv7oHzuqzeNhoNOLqkMbxwq7sM+"
    "2kNyeCPu2rOcJfZjkGSUwDlJCqvKqv3cnVi6BKyeUHTG4kpRQXqFmOwV1WatknYnqTbU1v7auoH0oBxxsPRU+"
    "TAINBgar39EGGtu8QAAAQ8AAAAHc3NoLXJzYQAAAQDH9tIwpTWMVxnJ0Kvxhc+oVMKix4++"
    "aEO5PeetBgyugLOdqSkiM6ZmgCcK0TO7rMoQEh759XJX1sJE+cg8DoaiY1p8oshAYLuhhQEvC9+"
    "0SFB4ytIxOZC1GhgDkfr7Ki1z6jF2e6V9Gp++mPyuOlUIJSkNL8wSGnYu8PfpyN667JuObI3Z5Iw4+"
    "k2OHYAKEdeAv38UlS9zOIRNaKHp6UaouWc+aGNNWLvJyFC56vhT7PtJ1Ai06i3EEBK9lCqcUrJ864bQ2w2/"
    "pTlIJKSl1AzFV7bFoSvEhcIQBt4Ae5+B9pHcEh9RzUQTxDddmP8nFgDm/AAuQLGYDvEy2Al4XTu1";

/// Without -n.
inline constexpr std::string_view host_without_principals =
    "ssh-ed25519-cert-v01@openssh.com "
    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAINkiJtdaTTHXIIrigThhY3IGuYtX1rNIaH2+"
    "bEb8kH/"
    "LAAAAIOJtJHNwRo5I2N4HH4uFoxQxRolD+SHf1aYInYpm7+"
    "8xAAAAAAAAAAAAAAACAAAACG5vIG5hbWVzAAAAAAAAAABeC+"
    "EAAAAAAIOqfoAAAAAAAAAAAAAAAAAAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIOJtJHNwRo5I2N4HH4uFoxQxRolD+"
    "SHf1aYInYpm7+8xAAAAUwAAAAtzc2gtZWQyNTUxOQAAAEChEp29gIDaDQ3rAIyhza5i+"
    "xtFzy8UiCWQh66uvQREITYfJxH0AC31juo0Xrx3TL9Yb4us7jOR917P6DPu79QJ";

/// -O critical:x@example=1
inline constexpr std::string_view host_critical =
    "ssh-ed25519-cert-v01@openssh.com "
    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIAC3SEtwGHuFx3ETTe7txaV9ah5jlDohBoi1M2SNma"
    "yfAAAAIOJtJHNwRo5I2N4HH4uFoxQxRolD+SHf1aYInYpm7+"
    "8xAAAAAAAAAAAAAAACAAAACGNyaXRpY2FsAAAAEwAAAA9iYXN0aW9uLmV4YW1wbGUAAAAAXgvhAAAAAACDqn6AAAAAFgAA"
    "AAl4QGV4YW1wbGUAAAAFAAAAATEAAAAAAAAAAAAAADMAAAALc3NoLWVkMjU1MTkAAAAg4m0kc3BGjkjY3gcfi4WjFDFGiU"
    "P5Id/"
    "Vpgidimbv7zEAAABTAAAAC3NzaC1lZDI1NTE5AAAAQNbTlwo0y7ImPoFIhJ638njdNbDVbJl4M1I9lwvcee8XOMJS0/"
    "edj6zgXbu86bDhsTpApPxILQ2ilexeSW8u8gE=";

/// Without -V.
inline constexpr std::string_view host_forever =
    "ssh-ed25519-cert-v01@openssh.com "
    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIL0SOaAF+AhKbJ7Q1cF/"
    "8Jy2kdjg0xUpinQn6IU94uD9AAAAIOJtJHNwRo5I2N4HH4uFoxQxRolD+SHf1aYInYpm7+"
    "8xAAAAAAAAAAAAAAACAAAAB2ZvcmV2ZXIAAAATAAAAD2Jhc3Rpb24uZXhhbXBsZQAAAAAAAAAA//////////"
    "8AAAAAAAAAAAAAAAAAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIOJtJHNwRo5I2N4HH4uFoxQxRolD+SHf1aYInYpm7+"
    "8xAAAAUwAAAAtzc2gtZWQyNTUxOQAAAEDxjMD5Txw/fBrTGwbbAdCUXKdoEafncFiER1T0PMyu98LSzKtJRUb/"
    "fen1viMBlg/lofMMqrjZXmqCM/Jc7wwM";

/// -I alice@example -n alice,bob -z 7 -O force-command=/bin/true -O source-address=10.0.0.0/8
/// -O extension:aaa@example=b, by the ecdsa_nistp256 key.
inline constexpr std::string_view user_ed25519 =
    "ssh-ed25519-cert-v01@openssh.com "
    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIPTnu4xg1SQsKa/"
    "La2EZMcbDKuax+5x4S+LEFxOFUE1jAAAAIOJtJHNwRo5I2N4HH4uFoxQxRolD+SHf1aYInYpm7+"
    "8xAAAAAAAAAAcAAAABAAAADWFsaWNlQGV4YW1wbGUAAAAQAAAABWFsaWNlAAAAA2JvYgAAAABeC+"
    "EAAAAAAIOqfoAAAABGAAAADWZvcmNlLWNvbW1hbmQAAAANAAAACS9iaW4vdHJ1ZQAAAA5zb3VyY2UtYWRkcmVzcwAAAA4A"
    "AAAKMTAuMC4wLjAvOAAAAJoAAAALYWFhQGV4YW1wbGUAAAAFAAAAAWIAAAAVcGVybWl0LVgxMS1mb3J3YXJkaW5nAAAAAA"
    "AAABdwZXJtaXQtYWdlbnQtZm9yd2FyZGluZwAAAAAAAAAWcGVybWl0LXBvcnQtZm9yd2FyZGluZwAAAAAAAAAKcGVybWl0"
    "LXB0eQAAAAAAAAAOcGVybWl0LXVzZXItcmMAAAAAAAAAAAAAAGgAAAATZWNkc2Etc2hhMi1uaXN0cDI1NgAAAAhuaXN0cD"
    "I1NgAAAEEEEul6IG7FFcQnvntf8c4+ia+4f6CY0zj/2S8gSaaO+Vxtfi6JnYjsBJND/EB4/lREmy16giAQLW2akj/"
    "yt8U5xAAAAGMAAAATZWNkc2Etc2hhMi1uaXN0cDI1NgAAAEgAAAAgRb9mzNIbtU5joDYc6CHGxZ3puXut5cq0aLmPB57Rv"
    "CwAAAAgbrWP2Ar9nmodxzpLz/40VVjxd/gpmSK68s4pUqb1bsw=";

}  // namespace caponier::ssh::test_certificates
