# The smallest guest that matters: a boot sector. Numbers records and writes each to disk one, then to disk two,
# eight per timer tick; shuts down in order when the power button is pressed. No operating system, no build step:
# guest.bin is this file, assembled:
#   as --32 -o guest.o guest.s && ld -m elf_i386 -Ttext 0x7c00 --oformat binary -o guest.bin guest.o
#
# A record is one sector that begins with its number (32 bits, little endian). Record n goes to block n % 256
# (64 KiB apart, from 1 MiB on), then to sector 64, the head. So of any instant: the head's record is in its
# block, and the head of disk two is the head of disk one or one less.
.code16
.globl _start
_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x7c00, %sp
    cld
    # The record, zeroed: its number stands at 0x8000.
    movw $0x8000, %di
    movw $256, %cx
    rep stosw
    sti
    # Go on where the last life was: from the head of disk one, which is written again on both disks, because
    # disk two may be one behind.
    movb $0x80, %dl
    movb $0x42, %dh
    movl $64, %eax
    call sector
    cmpl $0, 0x8000
    je fresh
    decl 0x8000
fresh:
    # Let the power button set its status bit.
    movw $0x602, %dx
    movw $0x100, %ax
    outw %ax, %dx
tick:
    hlt
    movw $0x3f8, %dx
    movb $'.', %al
    outb %al, %dx
    movw $8, %bp
record:
    incl 0x8000
    movb $0x80, %dl
    call both
    movb $0x81, %dl
    call both
    # Pressed?
    movw $0x600, %dx
    inw %dx, %ax
    testb $1, %ah
    jnz off
    decw %bp
    jnz record
    jmp tick
off:
    movw $0x3f8, %dx
    movb $'!', %al
    outb %al, %dx
    movw $0x604, %dx
    movw $0x2000, %ax
    outw %ax, %dx
    jmp tick
# The record to its block, then to the head, of drive dl.
both:
    movb $0x43, %dh
    movl 0x8000, %eax
    andl $0xff, %eax
    shll $7, %eax
    addl $2048, %eax
    call sector
    movl $64, %eax
# One sector at eax of drive dl: read (dh = 0x42) or written (0x43). A drive that is not there is passed over.
sector:
    pushw %bp
    pushw %dx
    movl %eax, lba
    movw $packet, %si
    movb %dh, %ah
    movb $0, %al
    int $0x13
    popw %dx
    popw %bp
    ret
packet:
    .byte 0x10, 0
    .word 1
    .word 0x8000, 0
lba:
    .long 0, 0
.org 510
    .byte 0x55, 0xaa
