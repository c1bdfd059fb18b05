using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Tuna.Llama.Runtime;

/// <summary>
/// Marks one symbol version that a Linux library asks for as weak, so that the system's loader goes on where the library it asks does not
/// have that version.
/// </summary>
/// <remarks>
/// Layout: System V ABI, chapters 4 and 5, and Linux Standard Base, "Symbol Versioning". Only 64-bit little-endian files. Refused where a
/// relocation uses a symbol of that version: such a library could be loaded, and would then end the process at the first call.
/// </remarks>
internal static class WeakVersion
{
    /// <summary>VER_FLG_WEAK in <c>vna_flags</c>.</summary>
    private const ushort Weak = 2;

    private const int RelocationSize = 24;
    private const int SymbolSize = 24;

    private enum Tag : long
    {
        ProcedureRelocationBytes = 2,
        Strings = 5,
        Symbols = 6,
        Relocations = 7,
        RelocationBytes = 8,
        ProcedureRelocations = 23,
        SymbolVersions = 0x6ffffff0,
        Needs = 0x6ffffffe,
        NeedCount = 0x6fffffff,
    }

    /// <summary>A copy of a file in which one entry of the table of needed versions is weak, and nothing else differs.</summary>
    /// <param name="file">The bytes of the library.</param>
    /// <param name="name">Its path, for errors.</param>
    /// <param name="library">The library asked for the version, such as <c>libstdc++.so.6</c>.</param>
    /// <param name="version">The version, such as <c>GLIBCXX_3.4.32</c>.</param>
    /// <exception cref="InvalidDataException">The file is no such library, is cut, lacks the entry, or uses what the version stands
    /// for.</exception>
    public static byte[] Mark(ReadOnlySpan<byte> file, string name, string library, string version)
    {
        var elf = new Elf(file, name);
        (int entry, ushort index) = elf.FindNeed(library, version);
        elf.RequireUnused(index, version);
        byte[] copy = file.ToArray();
        Span<byte> flags = copy.AsSpan(entry + 4, 2);
        BinaryPrimitives.WriteUInt16LittleEndian(flags, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(flags) | Weak));
        return copy;
    }

    /// <summary>A file whose every read is checked against its length.</summary>
    private readonly ref struct Elf
    {
        private const uint Load = 1;
        private const uint Dynamic = 2;
        private readonly ReadOnlySpan<byte> _file;
        private readonly string _name;
        private readonly List<(ulong Address, ulong Offset, ulong Size)> _segments = [];
        private readonly Dictionary<Tag, ulong> _dynamic = [];

        public Elf(ReadOnlySpan<byte> file, string name)
        {
            _file = file;
            _name = name;
            if (!file.StartsWith("\u007fELF"u8))
                throw new InvalidDataException($"{name} is not an ELF library.");
            if (Slice(4, 2) is not [2, 1])
                throw new InvalidDataException($"{name} is not a 64-bit little-endian ELF library.");
            RequireWhole();
            ReadSegments();
        }

        /// <summary>The place of a version's entry, and the number that symbols of the version carry.</summary>
        public (int Entry, ushort Index) FindNeed(string library, string version)
        {
            ulong need = Place(Tag.Needs);
            for (ulong left = Value(Tag.NeedCount); left > 0; left--)
            {
                ulong entry = need + U32(need + 8);
                bool asked = IsString(U32(need + 4), library);
                for (int count = U16(need + 2); count > 0 && asked; count--)
                {
                    if (IsString(U32(entry + 8), version))
                        return (checked((int)entry), U16(entry + 6));
                    if (U32(entry + 12) == 0)
                        break;
                    entry += U32(entry + 12);
                }

                if (U32(need + 12) == 0)
                    break;
                need += U32(need + 12);
            }

            throw new InvalidDataException($"{_name} asks {library} for no version {version}.");
        }

        public void RequireUnused(ushort index, string version)
        {
            RequireUnused(Tag.Relocations, Tag.RelocationBytes, index, version);
            RequireUnused(Tag.ProcedureRelocations, Tag.ProcedureRelocationBytes, index, version);
        }

        private void RequireUnused(Tag table, Tag bytes, ushort index, string version)
        {
            if (!_dynamic.ContainsKey(table))
                return;
            ulong versions = Place(Tag.SymbolVersions), start = Place(table);
            ulong size = Value(bytes);
            if (size > (ulong)_file.Length - start)
                throw Cut(start);
            ulong end = start + size;
            for (ulong at = start; at + RelocationSize <= end; at += RelocationSize)
            {
                uint symbol = U32(at + 12); // r_info's upper half
                if (symbol != 0 && (U16(versions + (2ul * symbol)) & 0x7fff) == index)
                    throw new InvalidDataException(
                        $"{_name} uses {Text(U32(Place(Tag.Symbols) + ((ulong)SymbolSize * symbol)))} of {version}.");
            }
        }

        /// <summary>The table of sections stands last, so a file that was cut has lost it.</summary>
        private void RequireWhole()
        {
            ulong sections = U64(40);
            if (sections > (ulong)_file.Length || (ulong)U16(58) * U16(60) > (ulong)_file.Length - sections)
                throw Cut(sections);
        }

        private void ReadSegments()
        {
            ulong headers = U64(32);
            int size = U16(54), count = U16(56);
            ulong dynamic = 0, dynamicSize = 0;
            for (int i = 0; i < count; i++)
            {
                ulong at = headers + ((ulong)i * (ulong)size);
                ulong offset = U64(at + 8), length = U64(at + 32);
                if (offset > (ulong)_file.Length || length > (ulong)_file.Length - offset)
                    throw Cut(offset);
                if (U32(at) == Load)
                    _segments.Add((U64(at + 16), offset, length));
                else if (U32(at) == Dynamic)
                    (dynamic, dynamicSize) = (offset, length);
            }

            for (ulong at = dynamic; at + 16 <= dynamic + dynamicSize && U64(at) != 0; at += 16)
                _dynamic[(Tag)U64(at)] = U64(at + 8);
        }

        private ulong Value(Tag tag) => _dynamic.TryGetValue(tag, out ulong value)
            ? value
            : throw new InvalidDataException($"{_name} has no dynamic entry 0x{(long)tag:x}: it asks for no versions.");

        private ulong Place(Tag tag)
        {
            ulong address = Value(tag);
            foreach ((ulong start, ulong offset, ulong size) in _segments)
            {
                if (address >= start && address - start < size)
                    return address - start + offset;
            }

            throw Cut(address);
        }

        private bool IsString(uint offset, string expected)
        {
            ulong at = Place(Tag.Strings) + offset;
            byte[] bytes = [.. Encoding.ASCII.GetBytes(expected), 0];
            return at <= (ulong)_file.Length && _file[(int)at..].StartsWith(bytes);
        }

        private string Text(uint offset)
        {
            ulong at = Place(Tag.Strings) + offset;
            ReadOnlySpan<byte> rest = at < (ulong)_file.Length ? _file[(int)at..] : throw Cut(at);
            int length = rest.IndexOf((byte)0);
            return Encoding.ASCII.GetString(rest[..(length < 0 ? throw Cut(at) : length)]);
        }

        private ushort U16(ulong at) => BinaryPrimitives.ReadUInt16LittleEndian(Slice(at, 2));

        private uint U32(ulong at) => BinaryPrimitives.ReadUInt32LittleEndian(Slice(at, 4));

        private ulong U64(ulong at) => BinaryPrimitives.ReadUInt64LittleEndian(Slice(at, 8));

        private ReadOnlySpan<byte> Slice(ulong at, int length) =>
            at <= (ulong)_file.Length && (ulong)length <= (ulong)_file.Length - at ? _file.Slice((int)at, length) : throw Cut(at);

        private InvalidDataException Cut(ulong at) =>
            new($"{_name} is cut: it points to byte {at.ToString(CultureInfo.InvariantCulture)} and has "
                + $"{_file.Length.ToString(CultureInfo.InvariantCulture)}.");
    }
}
