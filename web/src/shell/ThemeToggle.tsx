import { ActionIcon, Tooltip, useMantineColorScheme } from "@mantine/core";
import { Icon } from "@/components/Icon";

const NEXT = { auto: "light", light: "dark", dark: "auto" } as const;
const NAMES = { auto: "as the system", light: "light", dark: "dark" } as const;
const ICONS = { auto: "system", light: "sun", dark: "moon" } as const;

export function ThemeToggle() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const label = `Theme: ${NAMES[colorScheme]}. Change to ${NAMES[NEXT[colorScheme]]}.`;
  return (
    <Tooltip label={`Theme: ${NAMES[colorScheme]}`} position="right">
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={label}
        onClick={() => setColorScheme(NEXT[colorScheme])}
      >
        <Icon name={ICONS[colorScheme]} />
      </ActionIcon>
    </Tooltip>
  );
}
