using System.Reflection;
using System.Text;

namespace Tuna.Package.Tests;

/// <summary>Lists an assembly's public surface, one member a line, in a stable order.</summary>
internal static class ApiListing
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static string Of(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (Type type in assembly.GetExportedTypes().OrderBy(t => t.FullName, StringComparer.Ordinal))
        {
            text.Append(Kind(type)).Append(' ').Append(Name(type));
            Type[] bases = [.. (type.BaseType is { } b && b != typeof(object) && b != typeof(ValueType) && b != typeof(Enum)
                ? new[] { b } : []), .. DirectInterfaces(type)];
            if (bases.Length > 0 && !type.IsEnum)
                text.Append(" : ").AppendJoin(", ", bases.Select(Name).Order(StringComparer.Ordinal));
            text.Append('\n');
            foreach (string line in Members(type).Distinct().Order(StringComparer.Ordinal))
                text.Append("  ").Append(line).Append('\n');
        }

        return text.ToString();
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (typeof(Delegate).IsAssignableFrom(type))
        {
            yield return Signature(type.GetMethod("Invoke")!);
            yield break;
        }

        foreach (FieldInfo f in type.GetFields(Declared).Where(f => (f.IsPublic || f.IsFamily) && !f.IsSpecialName))
            yield return type.IsEnum ? $"{f.Name} = {Convert.ToInt64(f.GetRawConstantValue(), null)}"
                : $"{Static(f.IsStatic)}field {f.Name}: {Name(f.FieldType)}";
        foreach (ConstructorInfo c in type.GetConstructors(Declared).Where(c => !c.IsStatic && Visible(c)))
            yield return $"new({Parameters(c)})";
        foreach (PropertyInfo p in type.GetProperties(Declared))
        {
            string accessors = string.Join("; ",
                new[] { (p.GetMethod, "get"), (p.SetMethod, IsInit(p) ? "init" : "set") }.Where(a => a.Item1 is { } m && Visible(m))
                .Select(a => a.Item2));
            if (accessors.Length > 0)
                yield return $"{Static((p.GetMethod ?? p.SetMethod)!.IsStatic)}{p.Name}: {Name(p.PropertyType)} {{ {accessors} }}";
        }

        foreach (EventInfo e in type.GetEvents(Declared).Where(e => Visible(e.AddMethod!)))
            yield return $"event {e.Name}: {Name(e.EventHandlerType!)}";
        foreach (MethodInfo m in type.GetMethods(Declared)
            .Where(m => Visible(m) && !m.IsSpecialName && !m.Name.Contains('<', StringComparison.Ordinal)))
            yield return Static(m.IsStatic) + Signature(m);
    }

    private static string Signature(MethodInfo m)
    {
        string generic = m.IsGenericMethod ? $"<{string.Join(", ", m.GetGenericArguments().Select(Name))}>" : "";
        return $"{m.Name}{generic}({Parameters(m)}): {Name(m.ReturnType)}";
    }

    private static string Parameters(MethodBase m) =>
        string.Join(", ", m.GetParameters()
            .Select(p => $"{Name(p.ParameterType)} {p.Name}{(p.HasDefaultValue ? " = " + (p.DefaultValue ?? "default") : "")}"));

    private static bool Visible(MethodBase m) => m.IsPublic || m.IsFamily || m.IsFamilyOrAssembly;

    private static bool IsInit(PropertyInfo p) =>
        p.SetMethod?.ReturnParameter.GetRequiredCustomModifiers().Any(t => t.Name == "IsExternalInit") == true;

    private static string Static(bool isStatic) => isStatic ? "static " : "";

    private static string Kind(Type t) => t switch
    {
        { IsEnum: true } => "enum",
        { IsInterface: true } => "interface",
        { IsValueType: true } => t.IsByRefLike ? "ref struct" : "struct",
        { IsAbstract: true, IsSealed: true } => "static class",
        { IsAbstract: true } => "abstract class",
        { IsSealed: true } => "sealed class",
        _ => "class",
    };

    private static IEnumerable<Type> DirectInterfaces(Type t)
    {
        Type[] all = t.GetInterfaces();
        return all.Where(i => !all.Any(o => o.GetInterfaces().Contains(i)) && t.BaseType?.GetInterfaces().Contains(i) != true);
    }

    private static string Name(Type t)
    {
        if (t.IsByRef)
            return "ref " + Name(t.GetElementType()!);
        if (t.IsArray)
            return Name(t.GetElementType()!) + "[]";
        if (t.IsGenericParameter)
            return t.Name;
        string name = (t.IsNested ? Name(t.DeclaringType!) + "."
            : t.Namespace?.StartsWith("Tuna", StringComparison.Ordinal) == true ? t.Namespace + "." : "") + t.Name;
        int tick = name.IndexOf('`', StringComparison.Ordinal);
        return tick < 0 ? name : $"{name[..tick]}<{string.Join(", ", t.GetGenericArguments().Select(Name))}>";
    }
}
